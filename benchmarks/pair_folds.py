"""Folds of pairs in the place of folds of documents: how much higher F is when pairs of one sentence are trained on and scored."""

import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import spacy
import typer
from spacy.tokens import Doc, DocBin

from spacy_relext.corpus import read_docs
from spacy_relext.experiments.crossval import find_folds
from spacy_relext.formats.docs import from_doc, to_doc
from spacy_relext.formats.files import whole_folder
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.relations import register_extensions


def pair_folds(
    folds: Path = typer.Argument(..., help="A folder with fold-0.spacy and so on, e.g. corpus/aimed."),
    output: Path = typer.Argument(..., help="A folder for as many folds, for `relext crossval`."),
    seed: int = typer.Option(0, help="Of the order in which the pairs are dealt out."),
):
    """Make a document of every pair of mentions in a sentence, the sentence with these two mentions alone, and deal them into folds.

    That is what one encoder pass per pair reads anyway. Relations count without direction.
    """
    register_extensions()
    nlp = spacy.blank("en")
    paths = find_folds(folds)
    documents = [document for path in paths for doc in read_docs(path, nlp) for document in pairs_of(doc)]
    random.Random(seed).shuffle(documents)
    with whole_folder(output) as folder:
        for i, path in enumerate(paths):
            docs = [to_doc(document, nlp) for document in documents[i :: len(paths)]]
            DocBin(docs=docs, store_user_data=True).to_disk(folder / path.name)
    print(f"{len(documents):,} pairs, {sum(bool(document.relations) for document in documents):,} of them related, in {len(paths)} folds")


def pairs_of(doc: Doc) -> Iterator[Document]:
    """A document for each pair of mentions in a sentence."""
    whole = from_doc(doc)
    labels = {frozenset((relation.head, relation.tail)): relation.label for relation in whole.relations or ()}
    for start, end in whole.sentences or ():
        inside = [mention for mention in whole.mentions if start <= mention.start and mention.end <= end]
        for head, tail in combinations(inside, 2):
            label = labels.get(frozenset((head.id, tail.id)))
            yield Document(
                id=f"{whole.id}-{head.id}-{tail.id}",
                text=whole.text[start:end],
                mentions=[Mention(m.id, m.start - start, m.end - start, m.type) for m in (head, tail)],
                relations=[] if label is None else [AnnotatedRelation(head.id, tail.id, label)],
                sentences=[(0, end - start)],
            )
