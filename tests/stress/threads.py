"""Several threads call one pipeline: each call should give what one thread gives.

    python -m tests.stress.threads --threads 8 --calls 2000 --encoder assets/encoder --model en_relext_demo

Five kinds of pipelines are trained on some sentences, stored and loaded again, so that the first calls of all are among those compared; and
any that are named. Each call is of one text. What one thread gives is right, for several threads at once, and for one thread afterwards.
"""

import argparse
import json
import random
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import fix_random_seed
from thinc.api import PyTorchShim

from spacy_relext.ml.patches.thinc import SteadyShim
from tests.conftest import DEMO, TRAIN_DATA
from tests.pipeline.test_encodings import marked_pipeline
from tests.pipeline.test_with_transformer import LISTENER, add_extractor, make_examples, transformer_config

TOLERANCE = 1e-6
EXTRACTOR = "relation_extractor"
# What one call gives: for each relation or pair its key and its score.
Result = list[tuple[tuple, float]]


# Kinds of pipelines


def shared(folder: Path, precision: str) -> Language:
    """A transformer that others could listen to."""
    nlp = _with_ruler()
    nlp.add_pipe("transformer", config={"model": transformer_config(folder, precision)})
    add_extractor(nlp, LISTENER, precision=precision)
    return nlp


def own(folder: Path, precision: str) -> Language:
    """An encoder of the extractor's own, which is given the windows alone that a pair reads."""
    nlp = _with_ruler()
    inside = {"@architectures": "spacy-relext.Tok2VecTransformer.v1", "pooling": LISTENER["pooling"], "grad_factor": 1.0}
    add_extractor(nlp, {**transformer_config(folder, precision), **inside}, precision=precision)
    return nlp


def per_pair(folder: Path, precision: str) -> Language:
    """One encoder pass per pair."""
    nlp = _with_ruler()
    model = marked_pipeline(folder, "attention", precision=precision).get_pipe_config(EXTRACTOR)["model"]
    nlp.add_pipe(EXTRACTOR, config={"model": model})
    return nlp


def demo(folder: Path, precision: str) -> Language:
    """As the demonstration: a transformer, and mentions that `ner` finds through it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", config={"model": transformer_config(folder, precision)})
    model = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner", "hidden_width": 32, "maxout_pieces": 2}
    nlp.add_pipe("ner", config={"model": {**model, "extra_state_tokens": False, "use_upper": False, "tok2vec": LISTENER}})
    add_extractor(nlp, LISTENER, precision=precision)
    return nlp


def stock(folder: Path, precision: str) -> Language:
    """Behind a transformer of spacy-transformers' own, which computes in float32."""
    nlp = _with_ruler()
    model = {**transformer_config(folder), "@architectures": "spacy-transformers.TransformerModel.v3"}
    del model["cpu_precision"]
    nlp.add_pipe("transformer", config={"model": {**model, "get_spans": {"@span_getters": "spacy-transformers.sent_spans.v1"}}})
    add_extractor(nlp, LISTENER, precision=precision)
    return nlp


KINDS: dict[str, Callable[[Path, str], Language]] = {f.__name__: f for f in (shared, own, per_pair, demo, stock)}


def _with_ruler() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    names = sorted({(name.lower(), kind) for _, mentions, _ in TRAIN_DATA for name, kind in mentions})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": kind, "pattern": [{"LOWER": name}]} for name, kind in names])
    return nlp


def trained(kind: str, folder: Path, precision: str = "float32", steps: int = 40, learn_rate: float = 0.003) -> Language:
    """A pipeline of a kind that knows the tests' sentences by heart, stored and loaded again."""
    fix_random_seed(0)
    nlp = KINDS[kind](folder, precision)
    examples = make_examples(nlp)
    # Initialisation would take the patterns away.
    ruler = nlp.get_pipe("entity_ruler").to_bytes() if "entity_ruler" in nlp.pipe_names else None
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = learn_rate
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, annotates=["sentencizer"])
    if ruler is not None:
        nlp.get_pipe("entity_ruler").from_bytes(ruler)
    # So low that nearly all pairs are compared, not only those that the model is sure of.
    nlp.get_pipe(EXTRACTOR).cfg["threshold"] = 0.01
    return KINDS[kind](folder, precision).from_bytes(nlp.to_bytes())


def texts(n: int, seed: int = 0) -> list[str]:
    """Texts of one to four of the tests' sentences."""
    draw = random.Random(seed)
    sentences = [text for text, _, _ in TRAIN_DATA]
    return [" ".join(draw.choices(sentences, k=draw.randint(1, 4))) for _ in range(n)]


def demo_texts() -> list[str]:
    """Those of the demonstration corpus."""
    names = ("test", "dev", "new_texts")
    return [json.loads(line)["text"] for name in names for line in (DEMO / f"{name}.jsonl").read_text("utf8").splitlines()]


# Ways of asking


def relations_of(doc: Doc) -> Result:
    """The relations of a Doc and their scores."""
    found = [((r.label, r.head.start_char, r.head.end_char, r.tail.start_char, r.tail.end_char), r.score) for r in doc._.relations]
    return sorted(found)


def call(nlp: Language, texts: Sequence[str], i: int) -> Result:
    """One text."""
    return relations_of(nlp(texts[i]))


def pipe(nlp: Language, texts: Sequence[str], i: int) -> Result:
    """Four texts in two batches."""
    docs = nlp.pipe([texts[(i + k) % len(texts)] for k in range(4)], batch_size=2)
    return [((k, *key), score) for k, doc in enumerate(docs) for key, score in relations_of(doc)]


def score_pairs(nlp: Language, texts: Sequence[str], i: int) -> Result:
    """Pairs that are asked about."""
    doc = nlp(texts[i])
    pairs = [(a, b) for a in doc.ents[:3] for b in doc.ents[:3] if a.start != b.start]
    scored = nlp.get_pipe(EXTRACTOR).score_pairs(doc, pairs)
    return [((k, label), score) for k, pair in enumerate(scored) for label, score in pair.scores.items()]


def attention(nlp: Language, texts: Sequence[str], i: int) -> Result:
    """What is read for each pair."""
    (pairs,) = nlp.get_pipe(EXTRACTOR).attention([nlp(texts[i])])
    words = [((pair.head.start, pair.tail.start, k, word), weight) for pair in pairs for k, (word, weight) in enumerate(_read(pair))]
    return [((pair.head.start, pair.tail.start, label), score) for pair in pairs for label, score in pair.scores.items()] + words


def _read(pair) -> Iterator[tuple[str, float]]:
    return zip(pair.attention.words, map(float, pair.attention.weights), strict=True)


WAYS: dict[str, Callable[[Language, Sequence[str], int], Result]] = {f.__name__: f for f in (call, pipe, score_pairs, attention)}


# Threads


@dataclass
class Outcome:
    """What came of the calls.

    n_relations (int): In what is right. wrong (int): Calls with other relations. other_scores (int): Calls with the same relations and
    scores that differ by more than `TOLERANCE`. largest (float): The largest difference. errors (List[str]): One traceback a call that
    failed. after (int): Calls of one thread, afterwards, that gave something else than before.
    """

    n_calls: int
    n_relations: int
    wrong: int = 0
    other_scores: int = 0
    largest: float = 0.0
    errors: list[str] = field(default_factory=list)
    after: int = 0
    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether every call gave what one thread gives."""
        return not (self.wrong or self.other_scores or self.errors or self.after)

    def __str__(self) -> str:
        return (
            f"{self.n_calls} calls: {self.wrong} with other relations, {self.other_scores} with other scores (by at most "
            f"{self.largest:.1e}), {len(self.errors)} errors; afterwards in one thread {self.after} differ ({self.seconds:.0f} s)"
        )


def stress(nlp: Language, fresh: Language, texts: Sequence[str], *, n_threads: int, n_calls: int, way: str = "call") -> Outcome:
    """Let several threads call a pipeline that nobody has called yet.

    nlp: Says what is right. fresh: The same pipeline, loaded again; it may be `nlp` itself.
    """
    ask = WAYS[way]
    right = [ask(nlp, texts, i) for i in range(len(texts))]
    outcome = Outcome(n_calls, sum(map(len, right)))
    lock, gate = threading.Lock(), threading.Barrier(n_threads)
    numbers = iter(range(n_calls))

    def work() -> None:
        gate.wait()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            i = number % len(texts)
            try:
                found = ask(fresh, texts, i)
            except Exception:
                with lock:
                    outcome.errors.append(traceback.format_exc())
                continue
            with lock:
                _compare(outcome, right[i], found)

    threads = [threading.Thread(target=work) for _ in range(n_threads)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.seconds = time.perf_counter() - started
    for i, expected in enumerate(right):
        again = Outcome(1, 0)
        try:
            _compare(again, expected, ask(fresh, texts, i))
        except Exception:
            again.wrong = 1
        outcome.after += not again.is_right
    return outcome


def _compare(outcome: Outcome, right: Result, found: Result) -> None:
    if [key for key, _ in right] != [key for key, _ in found]:
        outcome.wrong += 1
        return
    difference = max([0.0, *(abs(a - b) for (_, a), (_, b) in zip(right, found, strict=True))])
    outcome.other_scores += difference > TOLERANCE
    outcome.largest = max(outcome.largest, difference)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], prog="python -m tests.stress.threads")
    parser.add_argument("--threads", type=int, nargs="+", default=[4, 8])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--ways", nargs="+", default=["call"], choices=WAYS)
    parser.add_argument("--encoder", default="assets/encoder", help="Hugging Face name or folder (%(default)s)")
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--model", nargs="*", default=[], help="trained pipelines to be called as well, with the demonstration's texts")
    parser.add_argument("--torch-threads", type=int, default=1)
    parser.add_argument("--as-thinc", action="store_true", help="leave evaluation mode after each prediction: what went wrong before")
    arguments = parser.parse_args()
    if arguments.as_thinc:
        SteadyShim.predict = PyTorchShim.predict
    torch.set_num_threads(arguments.torch_threads)
    encoder, precision, all_right = arguments.encoder, arguments.precision, True

    def load(kind: str) -> Language:
        return KINDS[kind](encoder, precision).from_bytes(nlp.to_bytes()) if kind in KINDS else spacy.load(kind)

    for kind in [*arguments.kinds, *arguments.model]:
        if kind in KINDS:
            nlp, of_kind = trained(kind, encoder, precision, steps=10, learn_rate=3e-4), texts(50)
        else:
            nlp, of_kind = spacy.load(kind), demo_texts()
        for way in arguments.ways:
            for n_threads in arguments.threads:
                outcome = stress(nlp, load(kind), of_kind, n_threads=n_threads, n_calls=arguments.calls, way=way)
                print(f"{kind}, {way}, {n_threads} threads, {outcome.n_relations} relations in {len(of_kind)} texts: {outcome}", flush=True)
                if outcome.errors:
                    print(outcome.errors[0], file=sys.stderr)
                all_right = all_right and outcome.is_right
    sys.exit(not all_right)


if __name__ == "__main__":
    main()
