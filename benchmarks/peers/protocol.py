"""How a worker is asked and answers: JSON, a line each, over standard input and output. Of the standard library alone.

When it has loaded, a worker writes {"load_seconds", "memory_mb", "versions"}. For each request
{"path": documents as JSON lines, "seconds": least time of the processor to measure} it writes {"wall", "processor": seconds of one run in
the mean, "runs", "pairs": what it scored in a run, "peak_mb": since the worker began}, or {"error"}. It ends when its input ends.
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
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(record):
        answers.write(json.dumps(record) + "\n")
        answers.flush()

    start = time.perf_counter()
    prepare, run, versions = make_contender()
    answer({"load_seconds": time.perf_counter() - start, "memory_mb": peak_mb(), "versions": versions})
    for line in sys.stdin:
        try:
            answer(measure(prepare, run, **json.loads(line)))
        except Exception as error:  # of whichever library; the others go on
            answer({"error": f"{type(error).__name__}: {error}"})


def measure(prepare, run, path, seconds):
    """The mean of as many runs as take so many seconds of the processor, one at the least."""
    with open(path, encoding="utf8") as file:
        documents = [json.loads(line) for line in file]
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
