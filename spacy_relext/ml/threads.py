"""Whether several threads may predict with one model, as in a web service (what lets them is in `patches/thinc.py` and `tokenizers.py`)."""

import os
from dataclasses import dataclass
from threading import get_ident

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
