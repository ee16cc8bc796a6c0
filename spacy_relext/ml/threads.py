"""Whether several threads may predict with one model, as in a web service (what lets them is in `patches/thinc.py` and `tokenizers.py`)."""

import os
from dataclasses import dataclass
from threading import get_ident

from spacy.language import Language
from thinc.api import Model

from spacy_relext.ml.listeners import listens_to
from spacy_relext.ml.patches.thinc import steady

SECOND_THREAD = (
    "{name} is called from several threads, and models of the pipeline may be in training mode for a moment ({others}): they give other "
    "vectors or mentions then, and so other relations, without an error. Use spacy-relext.TransformerModel.v1, or call the pipeline from "
    "one thread alone."
)


@dataclass
class OneThread:
    """Where predictions are right from one thread alone: tells whether another one asks for them.

    because_of: The components whose models are the reason. first: Process and thread that asked first; other processes begin anew.
    """

    because_of: list[str]
    first: tuple[int, int] = (0, 0)

    def is_left(self) -> bool:
        """Asked at every prediction: whether this is another thread than the first."""
        here = os.getpid(), get_ident()
        if self.first[0] != here[0]:
            self.first = here
        return self.first != here


def steady_pipeline(nlp: Language, model: Model) -> OneThread | None:
    """Let the models of all components predict in several threads. RETURNS: None; what tells threads apart where some cannot.

    model: That of the extractor: what is read of a text are vectors of one component, and mentions of others.
    """
    models = [(name, getattr(pipe, "model", None)) for name, pipe in nlp.components]
    unknown = [name for name, other in models if isinstance(other, Model) and not steady(other)]
    if listens_to(model) is not None and not any(hasattr(pipe, "find_listeners") for _, pipe in nlp.components):
        unknown.append("the component that it listens to")
    return OneThread(unknown) if unknown else None
