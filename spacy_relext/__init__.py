"""Relation extraction for spaCy that reads the encoder's output for every token."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from spacy_relext.calibration.calibrating import Calibration, calibrate
    from spacy_relext.card.writing import Card, write_card
    from spacy_relext.contrasts.contrasting import Contrast, contrast
    from spacy_relext.conversion import Conversion, convert, export, read
    from spacy_relext.diagnosis.diagnosing import Diagnosis, diagnose
    from spacy_relext.distillation.distilling import Distillation, distill
    from spacy_relext.errors import DataError, RelextError
    from spacy_relext.evaluating import Evaluation, evaluate
    from spacy_relext.explaining.explanations import Explanation
    from spacy_relext.explaining.measuring import Faithfulness, measure_explanations
    from spacy_relext.extraction.extracting import Extraction, extract
    from spacy_relext.formats.catalogue import Format
    from spacy_relext.formats.reading import Options, Reading
    from spacy_relext.formats.types import AnnotatedRelation, Document, Mention
    from spacy_relext.llm import relations_from_llm
    from spacy_relext.pictures.drawing import Rendering, render_files
    from spacy_relext.pipeline.pairs import ScoredPair
    from spacy_relext.pipeline.relation_extractor import RelationExtractor
    from spacy_relext.relations import Relation, register_extensions
    from spacy_relext.report.analysing import analyse
    from spacy_relext.report.analysis import Analysis, Comparison
    from spacy_relext.report.comparing import compare
    from spacy_relext.report.page import write_report
    from spacy_relext.scorer import score_relations
    from spacy_relext.thresholds.tuning import ThresholdChoice, choose_threshold
    from spacy_relext.training.training import Training, train

# Imported when they are asked for: what only needs the version does not wait for torch.
_PLACES = {
    "Analysis": "report.analysis",
    "AnnotatedRelation": "formats.types",
    "Calibration": "calibration.calibrating",
    "Card": "card.writing",
    "Comparison": "report.analysis",
    "Contrast": "contrasts.contrasting",
    "Conversion": "conversion",
    "DataError": "errors",
    "Diagnosis": "diagnosis.diagnosing",
    "Distillation": "distillation.distilling",
    "Document": "formats.types",
    "Evaluation": "evaluating",
    "Explanation": "explaining.explanations",
    "Extraction": "extraction.extracting",
    "Faithfulness": "explaining.measuring",
    "Format": "formats.catalogue",
    "Mention": "formats.types",
    "Options": "formats.reading",
    "Reading": "formats.reading",
    # With it, `doc._.relations` is known.
    "Relation": "relations",
    "RelationExtractor": "pipeline.relation_extractor",
    "RelextError": "errors",
    "Rendering": "pictures.drawing",
    "ScoredPair": "pipeline.pairs",
    "ThresholdChoice": "thresholds.tuning",
    "Training": "training.training",
    "analyse": "report.analysing",
    "calibrate": "calibration.calibrating",
    "choose_threshold": "thresholds.tuning",
    "compare": "report.comparing",
    "contrast": "contrasts.contrasting",
    "convert": "conversion",
    "diagnose": "diagnosis.diagnosing",
    "distill": "distillation.distilling",
    "evaluate": "evaluating",
    "export": "conversion",
    "extract": "extraction.extracting",
    "measure_explanations": "explaining.measuring",
    "read": "conversion",
    "register_extensions": "relations",
    "relations_from_llm": "llm",
    "render_files": "pictures.drawing",
    "score_relations": "scorer",
    "train": "training.training",
    "write_card": "card.writing",
    "write_report": "report.page",
}

__all__ = [
    "Analysis",
    "AnnotatedRelation",
    "Calibration",
    "Card",
    "Comparison",
    "Contrast",
    "Conversion",
    "DataError",
    "Diagnosis",
    "Distillation",
    "Document",
    "Evaluation",
    "Explanation",
    "Extraction",
    "Faithfulness",
    "Format",
    "Mention",
    "Options",
    "Reading",
    "Relation",
    "RelationExtractor",
    "RelextError",
    "Rendering",
    "ScoredPair",
    "ThresholdChoice",
    "Training",
    "analyse",
    "calibrate",
    "choose_threshold",
    "compare",
    "contrast",
    "convert",
    "diagnose",
    "distill",
    "evaluate",
    "export",
    "extract",
    "measure_explanations",
    "read",
    "register_extensions",
    "relations_from_llm",
    "render_files",
    "score_relations",
    "train",
    "write_card",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
