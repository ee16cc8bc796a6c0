"""ScispaCy's tokenizer, sentence splitter and abbreviation detector under names that every config can use.

scispaCy has no entry points: a pipeline with its pipes loads only where its modules were imported before. With these names it loads
anywhere; scispaCy, the extra `biomed`, is imported when one is made, and must be installed then.
"""

import warnings
from collections.abc import Callable
from functools import partial

from spacy.language import Language, create_tokenizer
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc

from spacy_relext.extras import extra

TOKENIZER = "spacy-relext.scispacy_tokenizer.v1"
SENTENCIZER, ABBREVIATIONS = "relext_scispacy_sentencizer", "relext_scispacy_abbreviations"
# What sets sentences without a trained pipeline, and the factory of each.
SPLITTERS = {"sentencizer": "sentencizer", "scispacy": SENTENCIZER}


def create_scispacy_tokenizer() -> Callable[[Language], Tokenizer]:
    """ScispaCy's tokenizer, for [nlp.tokenizer]. Registered as `spacy-relext.scispacy_tokenizer.v1`.

    RAISES: RelextError where scispaCy is not installed, as do the others.
    """

    def make_tokenizer(nlp: Language) -> Tokenizer:
        # Its tokenizer takes a setting from the one that the pipeline has.
        nlp.tokenizer = create_tokenizer()(nlp)
        return extra("scispacy.custom_tokenizer").combined_rule_tokenizer(nlp)

    return make_tokenizer


@Language.factory(SENTENCIZER, assigns=["token.is_sent_start", "doc.sents"])
def make_scispacy_sentencizer(nlp: Language, name: str) -> Callable[[Doc], Doc]:
    """ScispaCy's sentence splitter (`pysbd_sentencizer`), made of rules: it knows "et al.", "Fig. 2" and the like."""
    splitter: Callable[[Doc], Doc] = extra("scispacy.custom_sentence_segmenter").pysbd_sentencizer
    return splitter


@Language.factory(ABBREVIATIONS, assigns=["doc._.abbreviations"])
def make_scispacy_abbreviations(nlp: Language, name: str, make_serializable: bool = True) -> Callable[[Doc], Doc]:
    """ScispaCy's `AbbreviationDetector`, by Schwartz and Hearst: abbreviations that the text defines get `span._.long_form`.

    make_serializable (bool): Long forms are strings. scispaCy's own default, Spans, makes Docs that cannot be stored or sent to other
        processes.
    """
    # A partial, since a closure cannot be sent to other processes.
    return partial(_detect, extra("scispacy.abbreviation").AbbreviationDetector(nlp, name, make_serializable))


def _detect(detector: Callable[[Doc], Doc], doc: Doc) -> Doc:
    with warnings.catch_warnings():
        # Its matcher is given patterns when a text defines an abbreviation; of other texts spaCy warns that there are none.
        warnings.filterwarnings("ignore", message=r"\[W036\]")
        return detector(doc)


# Stored pipelines have the names of before, which scispaCy may want for itself one day.
for _name, _factory in (("scispacy_sentencizer", make_scispacy_sentencizer), ("scispacy_abbreviations", make_scispacy_abbreviations)):
    if not Language.has_factory(_name):
        Language.factory(_name, assigns=Language.get_factory_meta(f"relext_{_name}").assigns, func=_factory)
