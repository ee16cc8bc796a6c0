"""What may be wrong with parts, texts and mentions."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from spacy.language import Language

from spacy_relext.candidates import has_sentences, sentence_bounds, sentence_index
from spacy_relext.diagnosis.data import Data, Finding, Text, found, percent, place

# A longer mention is more likely a wrong offset than a name.
LONG_MENTION = 30
# Mentions beside the tokenizer's tokens: more of them, and it is another text than the tokenizer was made for.
MISALIGNED = 0.05
# More documents than these without any mention are rather such as nobody has annotated.
MANY_BARE = 0.5


def check_parts(data: Data) -> Iterator[Finding]:
    """Parts with nothing in them."""
    for name, texts in data.parts.items():
        if not texts:
            yield Finding("error", "empty-part", f"{name}: there is no document in it.")
        elif not any(text.mentions for text in texts):
            yield Finding(
                "error", "no-mentions", f"{name}: no document has a mention in {data.mentions_name}. Where are they? See --spans-key."
            )
        elif not any(text.annotated for text in texts):
            yield Finding(
                "error",
                "not-annotated",
                f"{name}: no document is annotated for relations. A DocBin keeps them with store_user_data=True only.",
            )
        elif not any(text.relations for text in texts):
            yield Finding("error", "no-relations", f"{name}: no document has a relation.")
        else:
            rest = [text.where() for text in texts if len(text.doc) and not text.annotated]
            message = f"{name}: documents that are not annotated for relations: {{n}} of {len(texts):,}. They teach nothing."
            yield from found("warning", "not-annotated", message, rest)


def check_texts(data: Data) -> Iterator[Finding]:
    """Documents without text, id, or sentences."""
    empty = [text.where() for text in data.texts if not text.doc.text.strip()]
    yield from found("warning", "empty-documents", "documents without text: {n}.", empty)
    parts = [texts for texts in data.parts.values() if any(text.mentions for text in texts)]
    bare = [text.where() for texts in parts for text in texts if text.doc.text.strip() and not text.mentions]
    message = (
        f"documents without any mention: {{n}} of {len(data.texts):,}. An entity recogniser that is trained with them (init-config --ner) "
        "learns that there is none: leave out those that nobody annotated."
    )
    yield from found("info" if len(bare) <= MANY_BARE * len(data.texts) else "warning", "bare-documents", message, bare)
    others: dict[str, Text] = {}
    repeated = [
        f"{text.where()} and {other.where()}"
        for text in data.texts
        if (other := others.setdefault(text.name, text)) is not text and text.doc.text != other.doc.text
    ]
    yield from found("warning", "repeated-ids", "documents with the id of another one, whose text is another: {n}.", repeated)
    without = [text.where() for text in data.texts if text.mentions and not has_sentences(text.doc)]
    message = (
        f"documents without sentence boundaries: {{n}} of {len(data.texts):,}. sentence_pairs needs them, and the encoder is better off "
        "with them: `convert --sentences` sets them."
    )
    yield from found("warning", "no-sentences", message, without)


def check_mentions(data: Data) -> Iterator[Finding]:
    """Mentions that cannot be right, or that some setting will not see."""
    n_mentions = sum(len(text.mentions) for text in data.texts)
    untyped = [text.where(span) for text in data.texts for span in text.mentions if not span.label_.strip()]
    yield from found("warning", "untyped-mentions", f"mentions without a type: {{n}} of {n_mentions:,}.", untyped)
    blank = [text.where(span) for text in data.texts for span in text.mentions if span.text != span.text.strip()]
    yield from found(
        "warning", "blank-ends", "mentions that begin or end with white space: {n}. spaCy's ner does not learn such entities.", blank
    )
    long = [text.where(span) for text in data.texts for span in text.mentions if len(span) > LONG_MENTION]
    yield from found("warning", "long-mentions", f"mentions of more than {LONG_MENTION} tokens: {{n}}. Are their offsets right?", long)
    broken = [text.where(span) for text in data.texts for span in text.mentions if _is_broken(text, span.start, span.end)]
    yield from found(
        "warning", "broken-mentions", "mentions that run over the end of a sentence: {n}. They belong to the one they begin in.", broken
    )
    same = [text.where(text.doc.text[slice(*at)]) for text in data.texts for at, n in Counter(text.places).items() if n > 1]
    message = (
        "places with several mentions: {n}. Between them there is no candidate pair, and a relation of one is a relation of "
        "all, unless type_rules forbid it."
    )
    yield from found("warning", "same-place", message, same)
    nested = [text.where(span) for text in data.texts for span in _overlapping(text)]
    rest = " doc.ents cannot hold them: keep spans_key." if data.spans_key else ""
    yield from found("info", "overlaps", f"mentions that share characters with another one: {{n}} of {n_mentions:,}.{rest}", nested)


def check_alignment(data: Data, nlp: Language) -> Iterator[Finding]:
    """Mentions that are no whole tokens of the pipeline that will predict."""
    beside = []
    for text in data.texts:
        doc = nlp.make_doc(text.doc.text)
        beside += [text.where(span) for span in text.mentions if doc.char_span(*place(span)) is None]
    n_mentions = sum(len(text.mentions) for text in data.texts)
    message = (
        f"mentions that are no whole tokens of the tokenizer: {{n}} of {n_mentions:,} ({percent(len(beside), n_mentions)}). In prediction "
        "they are widened to tokens, and an entity recogniser cannot find them."
    )
    yield from found("warning" if len(beside) > MISALIGNED * n_mentions else "info", "misaligned-mentions", message, beside)


def check_sentences(data: Data) -> Iterator[Finding]:
    """Relations across sentences, which are no candidates of `sentence_pairs`."""
    across = []
    for text in data.texts:
        if text.relations and has_sentences(text.doc):
            sentence = sentence_index(sentence_bounds(text.doc)[0], len(text.doc))
            across += [text.where(r) for r in text.relations if sentence[r.head.start] != sentence[r.tail.start]]
    n_relations = sum(len(text.relations) for text in data.texts)
    message = (
        f"relations across sentences: {{n}} of {n_relations:,} ({percent(len(across), n_relations)}). With sentence_pairs they count as "
        'misses, and a reader with unit = "sentence" wants cross_sentence = "drop".'
    )
    yield from found("info", "across-sentences", message, across)


def _is_broken(text: Text, start: int, end: int) -> bool:
    return any(token.is_sent_start for token in text.doc[start + 1 : end])


def _overlapping(text: Text) -> Iterator[Any]:
    """The mentions that share characters with one that begins before them."""
    reached = 0
    for span in sorted(text.mentions, key=place):
        if span.start_char < reached:
            yield span
        reached = max(reached, span.end_char)
