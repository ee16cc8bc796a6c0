"""Tokenizers, and sentences for documents that come without."""

import re
from collections.abc import Callable

import spacy
from spacy.language import Language

from spacy_relext.biomed import SPLITTERS, TOKENIZER
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import load_pipeline
from spacy_relext.formats.types import Document

# The name of the splitter for texts with a sentence per line.
LINES = "lines"
# From a document to the offsets of its sentences.
Splitter = Callable[[Document], list[tuple[int, int]]]


def make_tokenizer(name: str) -> Language:
    """A pipeline for its tokenizer: of a language, of scispaCy, or of a trained pipeline."""
    if name == "scispacy":
        return spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": TOKENIZER}}})
    try:
        return spacy.blank(name) if len(name) <= 3 else spacy.load(name)
    except (ImportError, OSError) as error:
        raise RelextError(f"there is no tokenizer {name!r}: {error}. Expected a language code, 'scispacy', or a pipeline.") from error


def make_splitter(name: str, nlp: Language) -> Splitter:
    """What sets the sentences of a document, by its name.

    `lines`: each line is one. `sentencizer`, `scispacy`: on the tokens of `nlp`. A pipeline: on its own tokens.
    Of a pipeline run the components up to the last one that sets sentences, e.g. the parser, and none after it.
    """
    if name == LINES:
        return lambda document: [match.span() for match in re.finditer(r"[^\r\n]*[^\s][^\r\n]*", document.text)]
    if name in SPLITTERS:
        sentencizer = nlp.create_pipe(SPLITTERS[name])
        return lambda document: [(sent.start_char, sent.end_char) for sent in sentencizer(nlp.make_doc(document.text)).sents]
    pipeline = load_pipeline(name)
    setters = [i for i, pipe in enumerate(pipeline.pipe_names) if "token.is_sent_start" in pipeline.get_pipe_meta(pipe).assigns]
    if not setters:
        raise RelextError(
            f"the pipeline {name!r} has no component that sets sentences; it has {pipeline.pipe_names}. Expected one with a parser or a "
            "senter, or the word lines, sentencizer or scispacy instead of a pipeline."
        )
    pipeline.select_pipes(enable=pipeline.pipe_names[: setters[-1] + 1])

    def split(document: Document) -> list[tuple[int, int]]:
        if len(document.text) > pipeline.max_length:
            raise document.error(f"the text has {len(document.text):,} characters, and {name} reads {pipeline.max_length:,} at the most.")
        return [(sent.start_char, sent.end_char) for sent in pipeline(document.text).sents]

    return split
