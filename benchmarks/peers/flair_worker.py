"""The worker of flair's two relation models.

`python flair_worker.py extractor|classifier ENCODER THREADS`; with `learn` in the end it learns (`protocol.learn`), else it is measured.
"""

import itertools
import sys
import tempfile
import time
from importlib.metadata import version

import flair
import torch
from flair.data import Corpus, Dictionary, Relation, Sentence
from flair.embeddings import TransformerDocumentEmbeddings, TransformerWordEmbeddings
from flair.models import RelationClassifier, RelationExtractor
from flair.trainers import ModelTrainer
from flair.trainers.plugins import TrainerPlugin, TrainingInterrupt
from protocol import learn, serve

LABELS = ("advise", "effect", "int", "mechanism", "monitor")
ENTITIES, RELATIONS = "ner", "relation"
# What flair's `predict` has.
BATCH_SIZE = 32
VERSIONS = {name: version(name) for name in ("flair", "torch", "transformers")}


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


def make_model(kind, encoder, threads, names):
    """An untrained model with the encoder's weights, on the CPU. names: Of the labels."""
    torch.set_num_threads(threads)
    flair.device = torch.device("cpu")
    labels = Dictionary(add_unk=False)
    for name in names:
        labels.add_item(name)
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
    """A Sentence for each of the documents, with its mentions and relations."""
    return [sentence for document in documents for sentence, _ in _sentences(**document)]


def _sentences(id, text, tokens, sentences, mentions, relations):
    """Each sentence, and the number of each of its mentions; of two that are the same tokens, the first."""
    for first, last in sentences:
        inside = [(start, end) for start, end in tokens if first <= start < last]
        sentence = Sentence([text[start:end] for start, end in inside])
        starts, ends = {start: i for i, (start, _) in enumerate(inside)}, {end: i + 1 for i, (_, end) in enumerate(inside)}
        spans = {}
        for i, (start, end, kind) in enumerate(mentions):
            if start in starts:
                spans[i] = sentence[starts[start] : ends.get(end, len(inside))]
                spans[i].add_label(ENTITIES, kind)
        order = [span.unlabeled_identifier for span in sentence.get_spans(ENTITIES)]
        for head, tail, label in relations:
            if head in spans and tail in spans:
                # As `OneDirectionExtractor` takes them.
                pair = sorted((spans[head], spans[tail]), key=lambda span: order.index(span.unlabeled_identifier))
                Relation(*pair).add_label(RELATIONS, label)
        yield sentence, {span.unlabeled_identifier: i for i, span in reversed(spans.items())}


class AfterEpoch(TrainerPlugin):
    """Calls a function after each epoch; after so many seconds of the processor, with the epochs that are done, and ends."""

    def __init__(self, function, seconds):
        super().__init__()
        self.function = function
        self.end = time.process_time() + seconds

    @TrainerPlugin.hook
    def after_training_epoch(self, **kw):
        """As flair's trainer calls it."""
        self.function()

    @TrainerPlugin.hook
    def after_training_batch(self, epoch, batch_no, total_number_of_batches, **kw):
        """As flair's trainer calls it."""
        if time.process_time() > self.end:
            self.function(epoch - 1 + (batch_no + 1) / total_number_of_batches)
            raise TrainingInterrupt("the time is over")


def make_learner(kind, encoder, threads, labels):
    """What `learn` wants."""
    model = make_model(kind, encoder, threads, labels)

    def fit(documents, after_epoch, *, epochs, learn_rate, batch_size, seed, minutes):
        flair.set_seed(seed)
        # Others teach nothing, as in our configs.
        sentences = [sentence for sentence in make_sentences(documents) if len(sentence.get_spans(ENTITIES)) > 1]
        corpus = Corpus(sentences, sample_missing_splits=False)
        if kind == "classifier":
            # One sentence per pair.
            corpus = model.transform_corpus(corpus)
        with tempfile.TemporaryDirectory() as folder:
            ModelTrainer(model, corpus).fine_tune(
                folder,
                learning_rate=learn_rate,
                mini_batch_size=batch_size,
                max_epochs=epochs,
                save_final_model=False,
                create_file_logs=False,
                create_loss_file=False,
                plugins=[AfterEpoch(after_epoch, float("inf") if minutes is None else 60 * minutes)],
            )

    def predict(documents):
        model.eval()
        found = []
        for document in documents:
            found.append([])
            pairs = [pair for pair in _sentences(**document) if len(pair[1]) > 1]
            model.predict([sentence for sentence, _ in pairs], label_name="found", mini_batch_size=BATCH_SIZE)
            for sentence, numbers in pairs:
                for relation in sentence.get_relations("found"):
                    mentions = sorted(numbers[span.unlabeled_identifier] for span in (relation.first, relation.second))
                    found[-1].append([*mentions, relation.get_label("found").value])
        return found

    return fit, predict, VERSIONS


def make_contender(kind, encoder, threads):
    """What `serve` wants."""
    model = make_model(kind, encoder, threads, LABELS)
    model.eval()

    def run(sentences):
        model.n_scored = 0
        model.predict(sentences, mini_batch_size=BATCH_SIZE)
        return model.n_scored

    return make_sentences, run, VERSIONS


if __name__ == "__main__":
    kind, encoder, threads, *rest = sys.argv[1:]
    if rest == ["learn"]:
        learn(lambda labels: make_learner(kind, encoder, int(threads), labels))
    else:
        serve(lambda: make_contender(kind, encoder, int(threads)))
