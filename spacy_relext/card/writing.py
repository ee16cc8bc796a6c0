"""`write_card`: the README and the meta.json of a pipeline, from what was said of it and what was measured."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import srsly
from spacy.cli.package import generate_readme
from spacy.language import Language
from spacy.tokens import Doc

from spacy_relext.card import MARKER
from spacy_relext.card.about import About, read_about
from spacy_relext.card.figures import measure
from spacy_relext.card.metadata import filled
from spacy_relext.card.page import make_page
from spacy_relext.displacy.options import Options
from spacy_relext.displacy.rendering import pictures_of
from spacy_relext.displacy.svg import svg_of
from spacy_relext.errors import DataError, RelextError
from spacy_relext.evaluation import NO_FOLDER, Progress, extractor_of, extractors_of, load_pipeline
from spacy_relext.findings import keep, kept
from spacy_relext.formats.files import whole_file
from spacy_relext.pipeline.checks import mention_finders

README, PICTURE, META = "README.md", "relations.svg", "meta.json"


@dataclass(frozen=True)
class Card:
    """What was written. readme: The file. picture: That of the example; None without one.

    missing: What was not stated or not measured, each with what gives it.
    """

    readme: Path
    picture: Path | None
    missing: tuple[str, ...]


def write_card(
    folder: str | Path,
    about: str | Path | Mapping[str, Any] | About | None = None,
    *,
    test: str | Path | Iterable[Doc] | None = None,
    component: str | None = None,
    overwrite: bool = False,
    progress: Progress = lambda examples, total, task: examples,
) -> Card:
    """Write the card of a stored pipeline: its README.md, the picture of an example, and the fields of its meta.json.

        card = write_card("training/model-best", {"license": "MIT", "author": "Ann"}, test="test.spacy")

    `spacy package` takes the README into the wheel, and the Hugging Face hub shows it.

    folder: That of the pipeline. about: What only a person can say: a YAML or JSON file, or a mapping; `About` has the names.
    test: Annotated documents that were not trained on: what is measured on them is kept in the meta.json, for cards to come.
        None: what was measured before, if it still holds for the pipeline.
    component: The extractor that is measured, where there are several; otherwise all of them are.
    overwrite: A README that neither this nor `spacy package` has written may be replaced.
    RAISES: RelextError for what does not fit the pipeline, DataError for a file that cannot be read or may not be replaced.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RelextError(f"a card is written into the folder of a pipeline, and {str(folder)!r} is none. {NO_FOLDER}")
    said = read_about(about)
    readme = folder / README
    if not overwrite and readme.is_file() and not _made(readme, folder / META):
        raise DataError(
            "neither `relext card` nor `spacy package` made it, so it may hold what somebody wrote. Put what has to stay into the "
            "file that the card is made from (--about), or elsewhere; `overwrite` replaces it.",
            path=readme,
        )
    nlp = load_pipeline(str(folder))
    pipes = extractors_of(nlp, str(folder))
    _check(said, nlp, [label for pipe in pipes for label in pipe.labels])
    if test is not None:
        chosen = pipes if component is None else [extractor_of(nlp, str(folder), component)]
        for pipe in chosen:
            name = Path(test).name if isinstance(test, (str, Path)) else "given documents"
            keep(nlp, "figures", measure(nlp, test, pipe.name, data=name, progress=progress), component=pipe.name)
    figures = {pipe.name: kept(nlp, "figures", component=pipe.name) for pipe in pipes}
    meta = filled(nlp.meta, said, figures)
    doc = nlp(said.example) if said.example and mention_finders(nlp) else None
    page, missing = make_page(nlp, pipes, meta, said, figures, doc, PICTURE if doc is not None else "")
    if doc is not None:
        _write(folder / PICTURE, _draw(doc))
    _write(readme, page)
    _write(folder / META, json.dumps(meta, indent=2, ensure_ascii=False) + "\n")
    return Card(readme, folder / PICTURE if doc is not None else None, tuple(missing))


def _made(readme: Path, meta: Path) -> bool:
    """Whether a README is a card, or what `spacy package` makes of a meta.json, to which nobody has added anything."""
    text = readme.read_text(encoding="utf8", errors="replace")
    return MARKER in text or (meta.is_file() and _without_name(text) == _without_name(generate_readme(srsly.read_json(meta))))


def _without_name(text: str) -> list[str]:
    """Lines of what `spacy package` makes, but for name and version, which its options may give."""
    return [line for line in text.strip().splitlines() if not line.startswith(("| **Name** |", "| **Version** |"))]


def _check(about: About, nlp: Language, labels: list[str]) -> None:
    """RAISES: RelextError for definitions of labels that the pipeline does not have."""
    unknown = [label for label in about.labels if label not in labels]
    if unknown:
        raise RelextError(f"labels defines {', '.join(unknown)}; the pipeline has {', '.join(labels)}. Correct the names.")


def _draw(doc: Doc) -> str:
    options = Options()
    [picture] = pictures_of(doc, options)
    return svg_of(picture, options)


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text)
