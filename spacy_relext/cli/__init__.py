"""`python -m spacy relext …`: the commands, thin over functions that Python has too; only here is anything printed.

spaCy imports this module through the entry point group `spacy_cli` when its command line starts.
"""

import typer
from spacy.cli._util import app

from spacy_relext.callbacks import keep_to_itself
from spacy_relext.cli.convert import convert, export
from spacy_relext.cli.crossval import crossval
from spacy_relext.cli.debug_data import debug_data
from spacy_relext.cli.encoder import encoder
from spacy_relext.cli.evaluate import evaluate
from spacy_relext.cli.extract import extract
from spacy_relext.cli.formats import formats
from spacy_relext.cli.init_config import init_config

relext_cli = typer.Typer(
    name="relext", help="Relation extraction: convert corpora, evaluate models, extract relations.", no_args_is_help=True
)
relext_cli.callback()(keep_to_itself)
for command in (convert, export, init_config, evaluate, extract, encoder):
    relext_cli.command(no_args_is_help=True)(command)
relext_cli.command()(formats)
for trained in (crossval, debug_data):
    # Other options are settings of the config, as in `spacy train`.
    relext_cli.command(no_args_is_help=True, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(trained)
app.add_typer(relext_cli)
