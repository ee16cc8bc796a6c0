"""How a worker is asked and answers: JSON, a line each, over standard input and output. Of the standard library alone.

When it has loaded, a worker writes {"load_seconds", "memory_mb", "versions"}. For each request
{"path": documents as JSON lines, "seconds": least time of the processor to measure} it writes {"wall", "processor": seconds of one run in
the mean, "runs", "pairs": what it scored in a run, "peak_mb": since the worker began}, or {"error"}. It ends when its input ends.

A worker that learns has one job, which it reads from standard input: {"train", "development", "test": documents as JSON lines, and
settings}. After each epoch, or where it stops in one, it writes {"epoch", "wall", "processor": seconds of training so far, "relations":
of the development documents}, in the end {"test": relations, "peak_mb", "versions"}. Relations are [head, tail, label] for each document,
mentions counted from 0.
"""

import json
import os
import resource
import sys
import time


def serve(make_contender):
    """Answer requests.

    make_contender: Loads what is measured. RETURNS `(prepare, run, versions)`: `prepare` makes what `run` takes, anew for every run,
        from documents as dicts, and is not timed; `run` gives the number of pairs that it scored.
    """
    answer = _answers()
    start = time.perf_counter()
    prepare, run, versions = make_contender()
    answer({"load_seconds": time.perf_counter() - start, "memory_mb": peak_mb(), "versions": versions})
    for line in sys.stdin:
        try:
            answer(measure(prepare, run, **json.loads(line)))
        except Exception as error:  # of whichever library; the others go on
            answer({"error": f"{type(error).__name__}: {error}"})


def learn(make_learner):
    """Learn once, and tell what came of it.

    make_learner: Takes the labels of the relations. RETURNS `(fit, predict, versions)`: `fit(documents, after_epoch, **settings)` learns,
        and calls `after_epoch` after each epoch, or with the number of epochs, which need not be whole; `predict` gives the relations
        of documents.
    """
    answer = _answers()
    job = json.loads(sys.stdin.readline())
    train, development, test = (read_documents(job.pop(part)) for part in ("train", "development", "test"))
    fit, predict, versions = make_learner(sorted({label for document in train for *_, label in document["relations"]}))
    # When the training would have begun, had nothing been predicted between its epochs.
    start = _now()
    n_epochs = 0

    def after_epoch(n_done=None):
        nonlocal start, n_epochs
        before = _now()
        n_epochs = n_epochs + 1 if n_done is None else n_done
        wall, processor = (b - a for a, b in zip(start, before, strict=True))
        answer({"epoch": n_epochs, "wall": wall, "processor": processor, "relations": predict(development)})
        start = tuple(a + c - b for a, b, c in zip(start, before, _now(), strict=True))

    fit(train, after_epoch, **job)
    answer({"test": predict(test), "peak_mb": peak_mb(), "versions": versions})


def read_documents(path):
    """Documents as dicts, one per line."""
    with open(path, encoding="utf8") as file:
        return [json.loads(line) for line in file]


def measure(prepare, run, path, seconds):
    """The mean of as many runs as take so many seconds of the processor, one at the least."""
    documents = read_documents(path)
    wall = processor = 0.0
    n_runs = 0
    while n_runs == 0 or processor < seconds:
        prepared = prepare(documents)
        wall_start, processor_start = time.perf_counter(), time.process_time()
        n_pairs = run(prepared)
        wall += time.perf_counter() - wall_start
        processor += time.process_time() - processor_start
        n_runs += 1
    return {"wall": wall / n_runs, "processor": processor / n_runs, "runs": n_runs, "pairs": n_pairs, "peak_mb": peak_mb()}


def peak_mb():
    """The largest resident memory of this process so far."""
    try:
        # `ru_maxrss` begins at what the process had before `exec`: at the memory of who started it.
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) // 1024
    except FileNotFoundError:
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return usage // (2**20 if sys.platform == "darwin" else 2**10)


def _now():
    return time.perf_counter(), time.process_time()


def _answers():
    """Writes a record as an answer. What libraries print must not come between them: it goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(record):
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    return answer
