"""`research contrast-set`: the files of assets/contrast, of frames and names."""

import json
from pathlib import Path

import typer
from wasabi import msg

from research.contrast_set import HALVES, build
from spacy_relext.cli.errors import reported_errors
from spacy_relext.formats.files import whole_file


def contrast_set(output: Path = typer.Argument(Path("assets/contrast"), file_okay=False, help="Folder of the set.")):
    """Write the contrast set: each frame of research/contrast_frames, filled with four sets of names."""
    with reported_errors():
        for half in HALVES:
            lines = list(build(half))
            with whole_file(output / f"{half}.jsonl") as file:
                file.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
            groups = {line["meta"]["contrast"]["group"] for line in lines}
            msg.good(f"{output / half}.jsonl: {len(lines)} lines in {len(groups)} groups")
