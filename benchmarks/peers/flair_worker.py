"""The worker of flair's two relation models. `python flair_worker.py extractor|classifier ENCODER THREADS`."""

import itertools
import sys
from importlib.metadata import version

import flair
import torch
from flair.data import Dictionary, Relation, Sentence
from flair.embeddings import TransformerDocumentEmbeddings, TransformerWordEmbeddings
from flair.models import RelationClassifier, RelationExtractor
from protocol import serve

LABELS = ("advise", "effect", "int", "mechanism", "monitor")
ENTITIES, RELATIONS = "ner", "relation"
# What flair's `predict` has.
BATCH_SIZE = 32


class Counted:
    """Counts what is scored."""

    n_scored = 0

    def _get_data_points_for_batch(self, sentences):
        points = super()._get_data_points_for_batch(sentences)
        self.n_scored += len(points)
        return points


class OneDirectionExtractor(Counted, RelationExtractor):
    """Scores each pair once; flair's own takes both directions, which would be twice as many pairs as the others score."""

    def _get_data_points_from_sentence(self, sentence):
        return [Relation(a, b) for a, b in itertools.combinations(sentence.get_spans(self.entity_label_type), 2)]


class OneDirectionClassifier(Counted, RelationClassifier):
    """Scores each pair once, too."""

    def _entity_pair_permutations(self, sentence):
        for head, tail, label in super()._entity_pair_permutations(sentence):
            if head.span[0].idx < tail.span[0].idx:
                yield head, tail, label


def make_model(kind, encoder):
    """An untrained model with the encoder's weights."""
    labels = Dictionary(add_unk=False)
    for label in LABELS:
        labels.add_item(label)
    if kind == "classifier":
        return OneDirectionClassifier(
            embeddings=TransformerDocumentEmbeddings(encoder, layers="-1", fine_tune=True),
            label_dictionary=labels,
            label_type=RELATIONS,
            entity_label_types=ENTITIES,
            # Pairs further apart than 20 tokens would not be scored. The context stays 10 tokens to either side: shorter texts than ours.
            max_allowed_tokens_between_entities=None,
        )
    labels.add_item("O")
    return OneDirectionExtractor(
        embeddings=TransformerWordEmbeddings(encoder, layers="-1", fine_tune=True),
        label_dictionary=labels,
        label_type=RELATIONS,
        entity_label_type=ENTITIES,
    )


def make_sentences(documents):
    """A Sentence for each of the documents, with its mentions."""
    return [sentence for document in documents for sentence in _sentences(**document)]


def _sentences(id, text, tokens, sentences, mentions):
    for first, last in sentences:
        inside = [(start, end) for start, end in tokens if first <= start < last]
        sentence = Sentence([text[start:end] for start, end in inside])
        starts, ends = {start: i for i, (start, _) in enumerate(inside)}, {end: i + 1 for i, (_, end) in enumerate(inside)}
        for start, end, kind in mentions:
            if start in starts:
                sentence[starts[start] : ends.get(end, len(inside))].add_label(ENTITIES, kind)
        yield sentence


def make_contender(kind, encoder, threads):
    """What `serve` wants."""
    torch.set_num_threads(threads)
    flair.device = torch.device("cpu")
    model = make_model(kind, encoder)
    model.eval()

    def run(sentences):
        model.n_scored = 0
        model.predict(sentences, mini_batch_size=BATCH_SIZE)
        return model.n_scored

    return make_sentences, run, {name: version(name) for name in ("flair", "torch", "transformers")}


if __name__ == "__main__":
    kind, encoder, threads = sys.argv[1:]
    serve(lambda: make_contender(kind, encoder, int(threads)))
