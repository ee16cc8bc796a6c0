"""One small pipeline of each kind, initialised and not trained, and Docs that all but the extractor ran over."""

from collections.abc import Callable
from pathlib import Path

from spacy.language import Language

from tests.pipeline.test_attention import ATTENTION, TAGS, cnn_pipeline, prepared
from tests.pipeline.test_encodings import MARKERS, marked_pipeline, ordered_pipeline, shared_pipeline
from tests.pipeline.test_with_transformer import WINDOWS, add_extractor, tok2vec_pipeline, transformer_config, transformer_pipeline


def blinded_pipeline(folder: Path) -> Language:
    """One encoder pass per text, in which all mentions are tags."""
    nlp = shared_pipeline(folder, "pair attention")
    nlp.remove_pipe("relation_extractor")
    inside = {
        **transformer_config(folder),
        "@architectures": "spacy-relext.Tok2VecTransformer.v1",
        "get_spans": WINDOWS,
        "grad_factor": 1.0,
        "pooling": {"@layers": "reduce_mean.v1"},
    }
    add_extractor(nlp, inside, marking=TAGS)
    return nlp


# By kind: the pipeline, whether it has attention, and whether it has embeddings of word pieces.
KINDS: dict[str, tuple[Callable[[Path], Language], bool, bool]] = {
    "single pass": (lambda folder: shared_pipeline(folder, "pair attention"), True, True),
    "blinded mentions": (blinded_pipeline, True, True),
    "listener": (transformer_pipeline, True, True),
    "per pair, tags": (lambda folder: marked_pipeline(folder, "attention"), True, True),
    "per pair, markers": (lambda folder: marked_pipeline(folder, "attention over layers", MARKERS), False, True),
    "without attention": (lambda folder: shared_pipeline(folder, "mentions"), False, True),
    "between": (lambda folder: ordered_pipeline(folder, "between"), False, True),
    "tok2vec": (lambda folder: cnn_pipeline(ATTENTION), True, False),
    "tok2vec listener": (lambda folder: tok2vec_pipeline(), True, False),
}

__all__ = ["KINDS", "prepared"]
