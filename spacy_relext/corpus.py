"""The training reader: annotated Docs from `.spacy` files, as the relation extractor wants to see them."""

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_relext.candidates import CandidateFunction, has_sentences, sentence_pairs
from spacy_relext.errors import DataError, RelextError
from spacy_relext.formats.files import files_in
from spacy_relext.notices import counted, logger
from spacy_relext.relations import (
    Relation,
    annotated_labels,
    get_relations,
    has_relations,
    register_extensions,
    set_annotated_labels,
    set_relations,
)
from spacy_relext.taught import MOST_UNMATCHED, Place, get_taught, set_taught


def create_corpus(
    path: Path | str | None,
    unit: Literal["document", "sentence", "pair"] = "document",
    min_mentions: int = 0,
    spans_key: str | None = None,
    gold_tokens: bool = True,
    replace_mentions: float = 0.0,
    shuffle: bool = False,
    cross_sentence: Literal["error", "drop"] = "error",
    candidates: CandidateFunction | None = None,
    crossing: Any = None,
    swap_mentions: Any = None,
) -> Callable[[Language], Iterator[Example]]:
    """Read `.spacy` files. Registered reader `spacy-relext.Corpus.v1`.

    path (Path | None): A `.spacy` file or a folder of them. None: to be given in training (--paths.train), and an error when it is read.
    unit (str): "document"; or "sentence": one Example per sentence, which is faster and shuffles better where all relations are within
        sentences; or "pair": one Example per pair of mentions, in its sentence without the other mentions. With a model that runs the
        encoder once per pair, a batch of so many units is then a batch of so many texts.
    min_mentions (int): Units with fewer mentions are left out. 2 skips text in which there is nothing to learn for relations.
    spans_key (str | None): Where the mentions are: `doc.spans[spans_key]`; of a Doc without such a group, and with None, `doc.ents`, as in
        the relation extractor. It decides on min_mentions, units that are pairs, and replace_mentions.
    gold_tokens (bool): The predicted Doc has the annotated tokens (converters cut tokens where a mention begins or ends inside one).
        False: the pipeline's own tokens.
    replace_mentions (float): Entity replacement: the share of the units in which every mention is replaced by another one of its type,
        drawn from the corpus; the same name always by the same. It keeps the model from learning pairs of names by heart. The draw is
        made anew each time the corpus is read, so read it every epoch: [training] max_epochs = -1. Needs gold_tokens; units with
        overlapping mentions stay.
    shuffle (bool): Shuffle the units, which spaCy does itself unless max_epochs = -1.
    cross_sentence (str): What is done with relations across sentences where the unit is less than a document: "error", or "drop": they are
        left out, and their number is logged.
    candidates (Callable | None): Which pairs are units of their own; None: the pairs of a sentence, each once, overlapping ones too.
    crossing, swap_mentions: Former names of cross_sentence and replace_mentions. RAISES: RelextError that names the new one; until 0.2.
    """
    register_extensions()
    for old, new, value in (("crossing", "cross_sentence", crossing), ("swap_mentions", "replace_mentions", swap_mentions)):
        if value is not None:
            raise RelextError(f"spacy-relext.Corpus.v1: the setting {old} is now called {new}. Rename it in the section of the reader.")
    if not 0 <= replace_mentions <= 1:
        raise RelextError(f"spacy-relext.Corpus.v1: replace_mentions is {replace_mentions}; it is a share, between 0 and 1.")
    if replace_mentions and not gold_tokens:
        raise RelextError("spacy-relext.Corpus.v1: replace_mentions needs gold_tokens = true.")
    get_pairs = candidates or sentence_pairs(ordered=False, overlapping=True)
    # A unit: the Doc, and the pair that is kept of it, None for all.
    read: list[tuple[Doc, tuple[int, int] | None]] = []

    def mentions_of(doc: Doc) -> list[Span]:
        return list(doc.spans[spans_key]) if spans_key in doc.spans else list(doc.ents)

    def read_corpus(nlp: Language) -> Iterator[Example]:
        if not read:
            if path is None:
                raise RelextError("spacy-relext.Corpus.v1: path is null. Give the data: --paths.train train.spacy --paths.dev dev.spacy.")
            n_dropped = n_taught = n_kept = 0
            for doc in read_docs(path, nlp):
                n_dropped += n_cross_sentence(doc) if unit != "document" and cross_sentence == "drop" else 0
                units = [doc] if unit == "document" else list(sentence_docs(doc, cross_sentence))
                n_taught, n_kept = n_taught + n_taught_pairs(doc), n_kept + sum(map(n_taught_pairs, units))
                for text in units:
                    if unit == "pair":
                        read.extend((text, (a, b)) for a, b in get_pairs(text, mentions_of(text)).tolist())
                    elif len(mentions_of(text)) >= min_mentions:
                        read.append((text, None))
            if n_dropped:
                dropped = counted(n_dropped, "relation across sentences is", "relations across sentences are")
                logger.warning("%s: %s left out.", path, dropped)
            tell_taught(path, n_taught, n_taught - n_kept, cross_sentence)
        names = names_by_type({id(doc): doc for doc, _ in read}.values(), mentions_of) if replace_mentions else {}
        order = random.sample(read, len(read)) if shuffle else read
        for text, pair in order:
            reference = text if pair is None else pair_doc(text, [mentions_of(text)[i] for i in pair], spans_key)
            if replace_mentions and random.random() < replace_mentions:
                reference = with_other_names(reference, mentions_of(reference), names, spans_key)
            yield Example(predicted_doc(nlp, reference, gold_tokens), reference)

    return read_corpus


def read_docs(path: Path | str, nlp: Language) -> Iterator[Doc]:
    """The Docs of a `.spacy` file or of a folder of them, in order of the file names."""
    path = Path(path)
    if not path.exists():
        raise DataError("there is no such file or folder; expected a .spacy file. `python -m spacy relext convert` makes one.", path=path)
    files = sorted(file for file in files_in(path) if file.suffix == ".spacy") if path.is_dir() else [path]
    if not files:
        raise DataError("the folder holds no .spacy file. `python -m spacy relext convert` makes one.", path=path)
    for file in files:
        try:
            docs = DocBin().from_disk(file)
        except Exception as error:  # zlib, msgpack and srsly each raise their own
            if file.suffix != ".spacy":
                cure = "a .spacy file is expected. `python -m spacy relext convert FORMAT` makes one of other formats (jsonl, brat …)."
                raise DataError(cure, path=file) from error
            raise DataError(f"this is no .spacy file that can be read ({type(error).__name__}: {error}).", path=file) from error
        yield from docs.get_docs(nlp.vocab)


def predicted_doc(nlp: Language, reference: Doc, gold_tokens: bool) -> Doc:
    """A Doc without annotation but for the sentences, which encoders and candidates need before anything is predicted."""
    if not gold_tokens:
        return nlp.make_doc(reference.text)
    starts: list[bool | int | None] | None = [bool(t.is_sent_start) for t in reference] if reference.has_annotation("SENT_START") else None
    return Doc(
        nlp.vocab,
        words=[token.text for token in reference],
        spaces=[bool(token.whitespace_) for token in reference],
        sent_starts=starts,
    )


def pair_doc(doc: Doc, pair: list[Span], spans_key: str | None) -> Doc:
    """A copy of a Doc with two mentions alone, and the relations between them."""
    unit = doc.copy()
    spans = [Span(unit, span.start, span.end, label=span.label, kb_id=span.kb_id) for span in pair]
    unit.set_ents(spans if spans_key is None else [])
    if spans_key is not None:
        unit.spans[spans_key] = spans
    places = {_place(span): span for span in spans}
    if has_relations(doc):
        kept = [
            relation.replace(head=places[head], tail=places[tail])
            for relation in get_relations(doc)
            if (head := _place(relation.head)) in places and (tail := _place(relation.tail)) in places
        ]
        set_relations(unit, kept)
    if (taught := get_taught(doc)) is not None:
        ends = {Place.of(span) for span in spans}
        set_taught(unit, taught.moved(lambda place: place if place in ends else None))
    return unit


def _place(span: Span) -> tuple[int, int]:
    return span.start_char, span.end_char


def n_cross_sentence(doc: Doc) -> int:
    """The number of relations that run across sentences."""
    return sum(_crosses(relation) for relation in get_relations(doc)) if has_sentences(doc) else 0


def n_taught_pairs(doc: Doc) -> int:
    """The number of pairs of which teachers say something."""
    taught = get_taught(doc)
    return 0 if taught is None else len(taught.pairs)


def tell_taught(path: Path | str, n_pairs: int, n_across: int, cross_sentence: Literal["error", "drop"]) -> None:
    """Log that pairs of teachers were left out. RAISES: RelextError where these are many, and not to be dropped."""
    if not n_across:
        return
    told = f"{path}: {n_across:,} of {counted(n_pairs, 'pair', 'pairs')} of which teachers say something run across sentences"
    if cross_sentence == "error" and n_across > MOST_UNMATCHED * n_pairs:
        raise RelextError(
            f'{told}, and unit = "sentence" or "pair" would lose them. Set unit = "document", ask teachers whose candidates are pairs '
            'within sentences, or set cross_sentence = "drop" to train without such pairs.'
        )
    logger.warning("%s, and are left out.", told)


def _crosses(relation: Relation) -> bool:
    # A mention may itself run over the end of its sentence.
    sentence = relation.head.sent
    return any(span.start < sentence.start or span.end > sentence.end for span in (relation.head, relation.tail))


def sentence_docs(doc: Doc, cross_sentence: Literal["error", "drop"] = "error") -> Iterator[Doc]:
    """Each sentence as a Doc of its own, with its mentions and relations."""
    if not has_sentences(doc):
        raise RelextError(
            f'{doc.text[:60]!r}… has no sentences, and unit = "sentence" or "pair" needs them. Give them in the data, or set '
            'unit = "document".'
        )

    across = [relation for relation in get_relations(doc) if _crosses(relation)] if cross_sentence == "error" else []
    if across:
        raise RelextError(
            f'{across[0]} in {doc.text[:60]!r}… runs across sentences, and unit = "sentence" would lose it. Set unit = "document", or '
            'cross_sentence = "drop" to train without such relations.'
        )
    annotated = has_relations(doc)
    for sentence in doc.sents:
        unit = sentence.as_doc(copy_user_data=True)
        for key, group in doc.spans.items():
            unit.spans[key] = [
                Span(unit, span.start - sentence.start, span.end - sentence.start, label=span.label, kb_id=span.kb_id)
                for span in group
                if span.start >= sentence.start and span.end <= sentence.end
            ]
        # Drops what belongs to other sentences, and marks sentences without relations as annotated.
        if annotated:
            set_relations(unit, get_relations(unit))
        set_taught(unit, get_taught(unit))
        yield unit


def names_by_type(docs: Iterable[Doc], mentions_of: Callable[[Doc], list[Span]]) -> dict[str, list[Span]]:
    """All mentions of each type, frequent names as often as they occur."""
    names: dict[str, list[Span]] = {}
    for doc in docs:
        for span in mentions_of(doc):
            names.setdefault(span.label_, []).append(span)
    return names


def with_other_names(doc: Doc, mentions: list[Span], names: dict[str, list[Span]], spans_key: str | None) -> Doc:
    """A copy of a Doc in which every mention has another name of the same type.

    The Doc itself where mentions overlap, or where a relation, or a pair of teachers, is with a mention that is not among them.
    """
    order = sorted(mentions, key=lambda span: span.start)
    if any(a.end > b.start for a, b in pairwise(order)):
        return doc
    known, taught = {_place(span) for span in mentions}, get_taught(doc)
    if any(_place(span) not in known for r in get_relations(doc) for span in (r.head, r.tail)):
        return doc
    if taught is not None and any((place.start, place.end) not in known for pair in taught.pairs for place in pair):
        return doc
    words: list[str] = []
    spaces: list[bool] = []
    starts: list[bool | int | None] = []
    places: dict[tuple[int, int], tuple[int, int, str]] = {}
    drawn: dict[tuple[str, str], Span] = {}

    def copy_tokens(first: int, end: int) -> None:
        for token in doc[first:end]:
            words.append(token.text)
            spaces.append(bool(token.whitespace_))
            starts.append(bool(token.is_sent_start))

    position = 0
    for span in order:
        copy_tokens(position, span.start)
        name = drawn.setdefault((span.text.lower(), span.label_), random.choice(names[span.label_]))
        place = len(words)
        words.extend(token.text for token in name)
        spaces.extend(bool(token.whitespace_) for token in name)
        spaces[-1] = bool(doc[span.end - 1].whitespace_)
        starts.extend(i == 0 and bool(span[0].is_sent_start) for i in range(len(name)))
        places[_place(span)] = (place, len(words), span.label_)
        position = span.end
    copy_tokens(position, len(doc))
    copy = Doc(doc.vocab, words=words, spaces=spaces, sent_starts=starts if doc.has_annotation("SENT_START") else None)

    def moved(span: Span) -> Span:
        start, end, label = places[_place(span)]
        return Span(copy, start, end, label=label)

    spans = [moved(span) for span in order]
    if spans_key is None:
        copy.set_ents(spans)
    else:
        copy.spans[spans_key] = spans
    if has_relations(doc):
        set_relations(copy, [r.replace(head=moved(r.head), tail=moved(r.tail), long_forms=None) for r in get_relations(doc)])
        set_annotated_labels(copy, annotated_labels(doc))
    if taught is not None:
        new = {_place(span): copy[places[_place(span)][0] : places[_place(span)][1]] for span in order}
        set_taught(copy, taught.moved(lambda place: Place.of(new[place.start, place.end])._replace(type=place.type)))
    return copy
