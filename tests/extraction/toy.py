"""Runs over a few documents from beginning to end, and processes that are killed at a chosen moment."""

import json
import os
import signal
import sys
import traceback

from spacy_relext.extraction.inputs import Inputs
from spacy_relext.extraction.resuming import Work
from spacy_relext.extraction.storage import Output

# By turns: a relation, another one, none, an error in the input.
TEXTS = ("Aspirin increases warfarin levels.", "Avoid ketamine with warfarin.", "Nothing.", None)


def write_input(path, n):
    """Documents, every fourth of them without text."""
    records = [{"id": f"d{i}"} | ({"text": TEXTS[i % 4]} if TEXTS[i % 4] else {}) for i in range(n)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf8")
    return path


def skip(error):
    pass


def fail(error):
    raise error


def start(runner, source, output, on_error=skip, size=4, overwrite=False, **settings):
    """A run from beginning or stop to its end."""
    work = Work(Output(output, **settings), Inputs([str(source)]), runner, size=size, overwrite=overwrite)
    results = list(work.fill(on_error))
    return work.finish(), len(results)


def contents(path):
    """All bytes of a file, or of the files in a folder."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return path.read_bytes()


# What changes files, by the names that Python audits it under; and opening them.
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir")


def in_a_process(action, before=lambda: None):
    """Do something in a fork, after `before`. RETURNS: the signal that killed it, or 0."""
    pid = os.fork()
    if pid:
        return os.WTERMSIG(os.waitpid(pid, 0)[1])
    try:
        before()
        action()
    except BaseException:
        traceback.print_exc()
        os.kill(os.getpid(), signal.SIGABRT)
    finally:
        os._exit(0)


def killed_before(is_now):
    """Kills the process that it is called in, as `kill -9` does, before it does what Python audits under some name and arguments."""

    def hook(event, arguments):
        if is_now(event, arguments):
            os.kill(os.getpid(), signal.SIGKILL)

    return lambda: sys.addaudithook(hook)


def go_on(output, source, runner, *, size=4, options=None, **settings):
    inputs = Inputs([str(source)])
    inputs.options = options or inputs.options
    return list(Work(Output(output, **settings), inputs, runner, size=size).fill(skip))
