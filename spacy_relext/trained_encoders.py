"""The encoder of a trained pipeline, for another training to begin with."""

from pathlib import Path

from spacy.language import Language

from spacy_relext.errors import RelextError
from spacy_relext.evaluation import opened
from spacy_relext.formats.files import sha256, whole_folder
from spacy_relext.pipeline.upstream import hugging_face


def save_encoder(pipeline: str | Path | Language, output: str | Path, component: str | None = None) -> str:
    """Write the encoder of a trained pipeline into a folder as Hugging Face's libraries do, so that any config can name it.

        save_encoder("ddi/model-best", "assets/from-ddi")

    pipeline: A name or folder, or a loaded pipeline. output: A new folder. component: Which extractor, where there are several.
    RETURNS: The SHA-256 of the weights.
    RAISES: RelextError where the extractor reads no Hugging Face encoder, and where the folder holds anything.
    """
    nlp, pipe = opened(pipeline, component)
    encoder = hugging_face(pipe, nlp)
    if encoder is None:
        raise RelextError(f"{pipe.name} reads no encoder of Hugging Face's, so there is none to write.")
    with whole_folder(Path(output)) as made:
        encoder.transformer.save_pretrained(made)
        encoder.tokenizer.save_pretrained(made)
        return sha256(made / "model.safetensors")
