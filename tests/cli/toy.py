"""A small pipeline that has learned seven sentences by heart, for the tests of the commands."""

import random
from pathlib import Path

import pytest
import spacy
import typer
from spacy.cli import app
from spacy.training import Example
from spacy.util import fix_random_seed
from typer.testing import CliRunner, Result

from spacy_relext.cli import relext_cli
from spacy_relext.formats.docs import to_doc
from spacy_relext.formats.types import AnnotatedRelation, Document, Mention

DRUGS = ("aspirin", "warfarin", "ketamine", "rifampicin", "digoxin", "quinine")

# Head and tail as indices of the drugs of the sentence.
SENTENCES = [
    ("Aspirin increases warfarin levels.", [(0, 1, "MECHANISM")]),
    ("Rifampicin increases digoxin levels.", [(0, 1, "MECHANISM")]),
    ("Warfarin levels were raised by rifampicin.", [(1, 0, "MECHANISM")]),
    ("Avoid ketamine with warfarin.", [(0, 1, "ADVISE")]),
    ("Avoid quinine with digoxin.", [(0, 1, "ADVISE")]),
    ("Ketamine did not alter warfarin.", []),
    ("Quinine did not alter digoxin.", []),
]

# Options of `spacy train`, for configs with these variables.
TWO_STEPS = (
    "--training.optimizer.learn_rate.total_steps",
    "2",
    "--variables.eval_frequency",
    "2",
    "--training.logger.progress_bar",
    "null",
)


def document(text, relations=None, name="d"):
    """A document of one sentence; its mentions are the drugs of the list above."""
    mentions = []
    for drug in DRUGS:
        start = text.lower().find(drug)
        if start >= 0:
            mentions.append((start, start + len(drug)))
    mentions = [Mention(f"T{i}", start, end, "DRUG") for i, (start, end) in enumerate(sorted(mentions), start=1)]
    if relations is not None:
        relations = [AnnotatedRelation(mentions[head].id, mentions[tail].id, label) for head, tail, label in relations]
    return Document(name, text, mentions, relations, [(0, len(text))])


def train(folder: Path) -> None:
    """Make the pipeline and store it: sentencizer, entity ruler for the six drugs, relation extractor."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    ruler = nlp.add_pipe("entity_ruler", config={"phrase_matcher_attr": "LOWER"})
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 32,
        "depth": 2,
        "embed_size": 500,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
    }
    model = {
        "@architectures": "spacy-relext.PairClassifier.v1",
        "hidden_width": 32,
        "dropout": 0.0,
        "tok2vec": tok2vec,
        "summary": {"@relext_summaries": "spacy-relext.pair_attention.v1", "n_heads": 2},
    }
    pipe = nlp.add_pipe("relation_extractor", config={"model": model})
    references = [to_doc(document(*sentence), nlp) for sentence in SENTENCES]
    optimizer = nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc) for doc in references])
    # Initialising a ruler empties it.
    ruler.add_patterns([{"label": "DRUG", "pattern": drug} for drug in DRUGS])
    optimizer.learn_rate = 0.01
    for _ in range(40):
        random.shuffle(references)
        losses = nlp.update([Example(nlp.make_doc(doc.text), doc) for doc in references], sgd=optimizer, annotates=["sentencizer"])
    assert losses[pipe.name] < 0.5, f"the toy pipeline did not learn its sentences: loss {losses}"
    nlp.to_disk(folder)


def relext(*args, **kwargs) -> Result:
    """Run `relext` with some arguments; an exception that is a bug is raised."""
    return run_command(relext_cli, args, **kwargs)


def spacy_command(*args, cwd: Path) -> Result:
    """Run `python -m spacy` with some arguments in a folder, and expect that it succeeds.

    In this process: most of a command's time would go into its imports.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        result = run_command(app, args)
    assert result.exit_code == 0, result.output
    return result


def run_command(command: typer.Typer, args: tuple, **kwargs) -> Result:
    """Run a command with some arguments; an exception that is a bug is raised."""
    result = CliRunner().invoke(command, [str(arg) for arg in args], **kwargs)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
