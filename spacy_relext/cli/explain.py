"""`relext explain`: why relations of a text are found, and over annotated data how far such explanations can be trusted."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from spacy.language import Language
from spacy.tokens import Doc, Span
from wasabi import msg

from spacy_relext.cli.errors import reported_errors, tell, warn
from spacy_relext.cli.options import GPU_ID, setup_gpu
from spacy_relext.cli.outputs import Bar, progress_bar, write_figures
from spacy_relext.cli.tables import print_table
from spacy_relext.displacy.rendering import render
from spacy_relext.errors import RelextError
from spacy_relext.evaluation import extractor_of, load_pipeline
from spacy_relext.explaining.asking import ask
from spacy_relext.explaining.explaining import answers, known_of
from spacy_relext.explaining.explanations import ABOUT, METHODS, Explanation, checked_methods
from spacy_relext.explaining.faithfulness import RANDOM, REMOVALS, in_words
from spacy_relext.explaining.measuring import N_RANDOM, N_RELATIONS, Faithfulness, measure_explanations
from spacy_relext.explaining.occluding import MOST_TOKENS
from spacy_relext.formats.files import require_writable, whole_file
from spacy_relext.notices import counted
from spacy_relext.pipeline.checks import mention_finders
from spacy_relext.pipeline.relation_extractor import RelationExtractor
from spacy_relext.relations import Relation, get_relations, set_relations
from spacy_relext.storing import store

METHOD = f"One of: {', '.join(METHODS)}. Repeatable; all that work for the model if left out."
# Draws of fewer documents differ too little.
FEW = 20
# Tokens that are run for all relations of a text, about: some minutes of a small encoder.
BUDGET = 10 * MOST_TOKENS
# Signs of the largest weight.
BAR = 12


def explain(
    model: str = typer.Argument(..., help="Name or folder of a pipeline."),
    text: str = typer.Argument(
        ...,
        metavar="TEXT|DATA",
        help="A text, whose relations are explained; or a .spacy file or a folder of them, over which explanations are measured.",
    ),
    method: list[str] = typer.Option([], help=METHOD),
    pair: tuple[str, str] = typer.Option(
        None, metavar="HEAD TAIL", help="Text: two mentions as they stand in it, in the place of the relations that are found."
    ),
    label: str = typer.Option(None, help="Text: the label whose score is explained; the one that is found if left out."),
    removal: str = typer.Option("delete", help="Text: whether occlusion and phrases 'delete' words, or 'mask' them."),
    top: int = typer.Option(8, min=1, help="Text: how many words of each explanation are printed, those with the largest weights."),
    relations: int = typer.Option(N_RELATIONS, min=1, help="Data: the most annotated relations that are explained, drawn at random."),
    random_orders: int = typer.Option(N_RANDOM, min=1, help="Data: random orders of the words of each, which methods are compared with."),
    seed: int = typer.Option(0, help="Data: seed of what is drawn."),
    output: Path = typer.Option(None, "--output", "-o", help="Text: a page (.html) or explanations (.json). Data: the figures (.json)."),
    component: str = typer.Option(None, help="Which relation extractor of the pipeline, where there are several."),
    gpu_id: int = GPU_ID,
):
    """Say why relations are found, word by word; over annotated data, measure whether such explanations are better than chance.

    What is measured is stored in the folder of the pipeline, and said beside each method from then on.

    relext explain en_relext_demo "Rifampicin lowers the exposure to midazolam."
    """
    with reported_errors():
        data = _data(text)
        allowed = (".json",) if data is not None else (".html", ".json")
        if output is not None and output.suffix not in allowed:
            raise RelextError(f"`output` is {output}; expected a name that ends in {' or '.join(allowed)}.")
        if output is not None:
            require_writable(output)
        methods = checked_methods(method or None)
        setup_gpu(gpu_id)
        nlp = load_pipeline(model)
        if data is None:
            _explain(nlp, extractor_of(nlp, model, component), text, pair, label, methods, removal, top, output)
            return
        found = measure_explanations(
            nlp,
            data,
            methods=methods,
            relations=relations,
            random_orders=random_orders,
            component=component,
            seed=seed,
            progress=progress_bar("relations", "Explaining"),
        )
        _print_figures(found)
        write_figures(output, {**found.to_dict(), "model": model}, data=data)
        _keep(nlp, model, found)


def _data(text: str) -> Path | None:
    """A file or folder of annotated Docs, or None where it is a text."""
    try:
        there = Path(text).exists()
    except (OSError, ValueError):  # too long for a name, or with a null
        return None
    if text.endswith(".spacy") or (there and Path(text).is_dir()):
        return Path(text)
    if there:
        raise RelextError(
            f"{text} is a file; expected a text, or annotated Docs, a .spacy file or a folder of them (relext convert writes them). Give "
            "the text itself, in quotes."
        )
    return None


def _explain(
    nlp: Language,
    pipe: RelationExtractor,
    text: str,
    pair: tuple[str, str] | None,
    label: str | None,
    methods: Sequence[Any],
    removal: str,
    top: int,
    output: Path | None,
) -> None:
    if removal not in REMOVALS:
        raise RelextError(f"`removal` is {removal!r}; expected 'delete' or 'mask'.")
    doc = nlp(text)
    if len(pipe.mentions(doc)) < 2:
        saw = ", ".join(span.text for span in pipe.mentions(doc)) or "none"
        cure = (
            "Give a text with two of those that it finds."
            if mention_finders(nlp)
            else "No component of it looks for mentions: set them in Python, doc.ents = […], and call explain of the extractor."
        )
        raise RelextError(f"a relation needs two mentions, and the pipeline finds these in the text: {saw}. {cure}")
    asked = _asked(pipe, doc, pair, label)
    if not asked:
        saw = ", ".join(span.text for span in pipe.mentions(doc)) or "none"
        tell(f"No relation is found. Mentions: {saw}. To see why not, name a pair: --pair HEAD TAIL.")
        return
    known = known_of(nlp, pipe.name)
    explanations: list[Explanation] = []
    spent = 0
    for number, (head, tail, named) in enumerate(asked):
        if spent > BUDGET:
            tell(
                f"The text is long: the first {number:,} of {len(asked):,} relations are explained. Name a pair for another (--pair), or "
                "a method for more of them (--method)."
            )
            break
        question = ask(pipe, nlp, doc, (head, tail), named)
        spent += len(methods) * min(len(question.part.doc) ** 2, MOST_TOKENS)
        found, left_out = answers(question, methods, removal=removal, measured=known, progress=_steps)
        msg.divider(f"{head.text} --{question.label}--> {tail.text}, {question.base:.2f}")
        if found and not _written(doc, found[0]):
            tell("This relation is not written: its score is too low, or another label has a higher one.")
        for explanation in found:
            _print_words(explanation, top)
        for name, why in left_out.items():
            tell(f"{name}: left out. {why}")
        explanations += found
    if pipe.calibration is not None:
        tell("Scores here are raw ones, before calibration: what is explained is what the model says.")
    if not known:
        tell("Nobody has measured whether these are better than chance for this pipeline: relext explain MODEL DATA does.")
    if output is not None:
        _save(output, doc, methods, explanations)


def _save(output: Path, doc: Doc, methods: Sequence[Any], explanations: Sequence[Explanation]) -> None:
    """Explanations as JSON, or as a page with a picture for each method."""
    if output.suffix == ".json":
        write_figures(output, {"text": doc.text, "explanations": [explanation.to_dict() for explanation in explanations]}, "Explanations")
        return
    pages = {name: [e for e in explanations if e.method == name] for name in methods}
    shown = [(name, of_method) for name, of_method in pages.items() if of_method]
    html = render(
        [_pictured(doc, name, of_method) for name, of_method in shown],
        page=True,
        jupyter=False,
        options={"attention": [of_method for _, of_method in shown]},
    )
    with whole_file(output) as file:
        file.write(html)
    msg.good(f"Page in {output}")


def _asked(pipe: RelationExtractor, doc: Doc, pair: tuple[str, str] | None, label: str | None) -> list[tuple[Span, Span, str | None]]:
    """Head, tail and label of what is explained: a pair that is named, or the relations that were found."""
    if pair is not None:
        head = _mention(pipe, doc, pair[0])
        return [(head, _mention(pipe, doc, pair[1], head), label)]
    found = [relation for relation in get_relations(doc) if pipe.name in relation.sources]
    return [(r.head, r.tail, r.label if label is None else label) for r in found]


def _mention(pipe: RelationExtractor, doc: Doc, text: str, head: Span | None = None) -> Span:
    """The first mention with this text that is not the head: a text that is named twice is that of two mentions."""
    mentions = pipe.mentions(doc)
    others = [span for span in mentions if span != head]
    found = [span for span in others if span.text == text] or [span for span in others if span.text.lower() == text.lower()]
    if not found:
        saw = ", ".join(repr(span.text) for span in mentions) or "none"
        is_head = head is not None and head.text.lower() == text.lower()
        what = "is the head, and no other mention has this text" if is_head else "is no mention of the text"
        raise RelextError(f"--pair: {text!r:.60} {what}. Its mentions are: {saw}.")
    return found[0]


def _steps(things: Iterable[Any], total: int) -> Iterable[Any]:
    """A bar, where it takes more than two seconds."""
    return Bar(things, total=total, desc="Explaining", unit=" runs", leave=False, delay=2)


def _print_words(explanation: Explanation, top: int) -> None:
    measured = "not measured" if explanation.measured is None else in_words(explanation.measured)
    msg.text(f"{explanation.method}: {ABOUT[explanation.method]} ({measured})")
    greatest = max((abs(word.weight) for word in explanation.words), default=0.0) or 1.0
    best = sorted(explanation.words, key=lambda word: -abs(word.weight))[:top]
    rows = [
        (word.text, word.kind, f"{word.weight:+.2g}", ("+" if word.weight > 0 else "-") * round(BAR * abs(word.weight) / greatest))
        for word in best
    ]
    print_table(("word", "kind", "weight", ""), rows)
    if len(best) < len(explanation.words):
        tell(f"And {counted(len(explanation.words) - len(best), 'word', 'words')} with less weight (--top).")
    for note in explanation.notes:
        warn(note)


def _pictured(doc: Doc, name: str, explanations: Sequence[Explanation]) -> Doc:
    """The Doc with the relations that a method explains, under its name."""
    copied = doc.copy()
    relations = [
        Relation(copied[e.head.start : e.head.end], copied[e.tail.start : e.tail.end], e.label, min(e.score, 1.0), sources="explain")
        for e in explanations
    ]
    set_relations(copied, relations)
    title = f"{name.replace('_', ' ')}: {ABOUT[name]}"  # type: ignore[index]
    if unwritten := [f"{e.head.text} {e.label} {e.tail.text}" for e in explanations if not _written(doc, e)]:
        title += f". Not written by the pipeline: {', '.join(unwritten)}"
    copied.user_data["title"] = title
    return copied


def _written(doc: Doc, explanation: Explanation) -> bool:
    """Whether the pipeline has found the relation that is explained; without a direction, it may have it the other way round."""
    pair = {explanation.head, explanation.tail}
    return any(relation.label == explanation.label and {relation.head, relation.tail} == pair for relation in get_relations(doc))


def _print_figures(found: Faithfulness) -> None:
    msg.divider("Faithfulness of explanations")
    msg.text(
        f"{counted(found.relations, 'relation', 'relations')} that the pipeline finds, of "
        f"{counted(found.documents, 'document', 'documents')}. AOPC over 1, 5, 10, 20 and 50 % of the words; 95 % intervals, by document."
    )
    rows = []
    for removal in REMOVALS:
        for name, of_method in found.figures.items():
            one = of_method[removal]
            times = one.get("times_random")
            rows.append(
                (
                    f"{removal}d".replace("maskd", "masked"),
                    name,
                    _interval(one["comprehensiveness"]),
                    "" if times is None else _interval(times, 1),
                    "" if name == RANDOM else f"{one['comprehensiveness']['p']:.4f}",
                    _interval(one["sufficiency"]),
                    "" if name == RANDOM else f"{one['sufficiency']['p']:.4f}",
                )
            )
    print_table(("words", "method", "comprehensiveness", "times random", "p", "sufficiency (less is better)", "p"), rows, figures=2)
    for name, said in found.sentences().items():
        msg.text(f"{name}: {said}.")
    for name, why in found.left_out.items():
        msg.text(f"{name}: left out. {why}")
    if found.documents < FEW:
        tell(f"Of {counted(found.documents, 'document', 'documents')}, intervals and p are too good: give {FEW} or more.")
    if found.without_words:
        tell(f"{counted(found.without_words, 'relation has', 'relations have')} no other word in its sentence, and none to remove.")


def _interval(figure: dict[str, float | None], digits: int = 3) -> str:
    if figure["low"] is None:
        return f"{figure['mean']:.{digits}f}"
    return f"{figure['mean']:.{digits}f} ({figure['low']:.{digits}f} to {figure['high']:.{digits}f})"


def _keep(nlp: Language, model: str, found: Faithfulness) -> None:
    if not Path(model).is_dir():
        tell(f"Not stored with the pipeline: {model!r} is installed, and no folder. Measure the folder that it was packaged from.")
        return
    found.store(nlp)
    store(nlp, Path(model))
    msg.good(f"Stored in {model}: explain says it beside each method")
