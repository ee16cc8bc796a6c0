"""A small pipeline whose raw scores are made up: the model is replaced by numbers, all else is what it is."""

import numpy
import spacy

from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
from spacy_relext.pipeline.relation_extractor import RelationExtractor


def sure(p):
    """How often relations with this raw score are right: the model is too sure of them."""
    return 0.25 + 0.5 * p


def dev_docs(vocab, n=150, *, truth=sure, label="MECHANISM", seed=0):
    """Documents of two sentences. The raw score of each is in its text; that many are annotated as `truth` says."""
    random = numpy.random.default_rng(seed)
    nlp = spacy.blank("en", vocab=vocab)
    docs = []
    for i in range(n):
        text, mentions, relations, sentences = "", [], [], []
        for j in range(2):
            score = round(float(random.uniform(0.5, 1)), 3)
            sentence = f"Aspirin increases warfarin levels by {score} in trial {seed} of {i}-{j}."
            start = len(text)
            for k, (first, end) in enumerate([(0, 7), (18, 26)]):
                mentions.append(Mention(f"T{j}{k}", start + first, start + end, "DRUG"))
            if random.random() < truth(score):
                relations.append(AnnotatedRelation(f"T{j}0", f"T{j}1", label))
            sentences.append((start, start + len(sentence)))
            text += sentence + " "
        docs.append(to_doc(Document(f"{seed}-{i}", text, mentions, relations, sentences), nlp))
    return docs


def give_scores(monkeypatch, label="MECHANISM"):
    """Let the model say of each pair what its sentence says."""

    def score_prepared(pipe, docs, prepared, on_attention=None):
        found, column = [], 1 + pipe.labels.index(label)
        for of_doc in prepared:
            scores = numpy.zeros((len(of_doc.candidates.pairs), 1 + len(pipe.labels)), dtype="float32")
            for row, (head, tail) in enumerate(of_doc.candidates.pairs.tolist()):
                one, other = of_doc.spans[head], of_doc.spans[tail]
                said = next((token.text for token in one.sent if token.like_num), "0")
                scores[row, column] = float(said) if one.sent == other.sent and one.start < other.start else 0
            scores[:, 0] = 1 - scores[:, column]
            found.append(scores)
        return found

    monkeypatch.setattr(RelationExtractor, "score_prepared", score_prepared)
