"""What somebody writes who uses every public name. It is not run: `test_typing.py` gives it to a type checker."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

import spacy_relext
from spacy_relext import (
    Analysis,
    AnnotatedRelation,
    Calibration,
    Card,
    Comparison,
    Contrast,
    Conversion,
    DataError,
    Diagnosis,
    Distillation,
    Document,
    Evaluation,
    Explanation,
    Extraction,
    Faithfulness,
    Format,
    Mention,
    Options,
    Reading,
    Relation,
    RelationExtractor,
    RelextError,
    Rendering,
    ScoredPair,
    ThresholdChoice,
    Training,
    analyse,
    calibrate,
    choose_threshold,
    compare,
    contrast,
    convert,
    diagnose,
    distill,
    evaluate,
    export,
    extract,
    measure_explanations,
    read,
    register_extensions,
    relations_from_llm,
    render_files,
    score_relations,
    train,
    write_card,
    write_report,
)


class Lines(Format):
    name = "my-lines"
    about = "A text per line"
    suffixes = (".lines",)
    reads = True

    def read(self, path: Path, reading: Reading) -> Iterator[Document]:
        options: Options = reading.options
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if not line:
                reading.on_error(DataError("an empty line", path=path, line=number))
                continue
            mentions = [Mention("T1", 0, 7, "DRUG"), Mention("T2", 18, 26, "DRUG")]
            yield Document(str(number), line, mentions, [AnnotatedRelation("T1", "T2", options.default_label or "ADVISE")])


def pairs(pipe: RelationExtractor, doc: Doc) -> list[ScoredPair]:
    return list(pipe.score_pairs(doc, [(doc[0:1], doc[2:3])]))


def why(pipe: RelationExtractor, doc: Doc) -> Explanation:
    explanation: Explanation = pipe.explain(doc, (doc[0:1], doc[2:3]), "phrases", removal="mask")
    print(explanation.top(3), explanation.to_dict(), explanation.words[0].weight)
    return explanation


def main(path: Path) -> None:
    register_extensions()
    nlp = spacy.load("my_pipeline")
    counts: Counter[str] = Counter()
    docs: list[Doc] = list(read(path, "brat", nlp=nlp, on_error="skip", counts=counts))
    relations: Iterable[Relation] = docs[0]._.relations
    for relation in relations:
        head: Span = relation.head
        print(head.text, relation.label, relation.tail.text, relation.score, relation.to_dict())
    report: Conversion = convert(path, path / "train.spacy", "brat", dev=path / "dev.spacy")
    print(report.total, report.written)
    export(docs, path / "out.jsonl")
    for record in extract(["Aspirin increases warfarin levels."], "my_pipeline", threshold=0.5):
        print(record["relations"])
    extraction: Extraction = extract(Path("texts"), nlp)
    print(extraction.write("relations.csv").documents)
    evaluation: Evaluation = evaluate("my_pipeline", docs)
    print(evaluation.gold_mentions["rel_micro_f"])
    calibration: Calibration = calibrate("my_pipeline", docs)
    training: Training = train("relext.cfg", "training", overrides={"paths.train": "train.spacy", "paths.dev": "dev.spacy"})
    print(training.model_best, training.went_on_at)
    distillation: Distillation = distill(["large"], "small.cfg", "train.spacy", "student", unlabelled=["abstracts.spacy"])
    print(distillation.corpus, distillation.counts)
    print(calibration.before.error, calibration.after.error, calibration.to_dict())
    choice: ThresholdChoice = choose_threshold("training/model-best", docs, target_precision=0.9, per_label=True)
    print(choice.label_thresholds, choice.bounds, choice.to_dict())
    analysis: Analysis = analyse(nlp, docs, attention=True)
    comparison: Comparison = compare(analysis, analyse(nlp, docs))
    write_report("report.html", analysis, comparison, max_errors=100)
    found: Contrast = contrast(nlp, "my-set.jsonl", half="open", guideline="ddi")
    print(found.phenomena["co-occurring"].false_positives.share, found.to_dict())
    card: Card = write_card("training/model-best", {"license": "MIT"}, test=docs)
    print(card.readme, card.missing)
    faithfulness: Faithfulness = measure_explanations(nlp, docs, methods=["attention"], relations=100)
    faithfulness.store(nlp)
    print(faithfulness.sentences())
    rendering: Rendering = render_files(["relations.jsonl"], "relations.html")
    print(rendering.documents)
    diagnosis: Diagnosis = diagnose("train.spacy", "dev.spacy")
    for finding in diagnosis.findings:
        print(finding.severity, finding.message)
    scores: dict[str, Any] = score_relations([Example(doc, doc) for doc in docs])
    print(scores, spacy_relext.__version__)
    relations_from_llm(docs[0])


try:
    main(Path("corpus"))
except RelextError as error:
    print(error)
