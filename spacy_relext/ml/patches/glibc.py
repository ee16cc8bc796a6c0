"""glibc: memory that was freed and stays in the heap, and memory that is given back and asked for again at once.

The functions of this module do nothing where the C library is another one.
"""

import ctypes
import os
from functools import cache
from typing import Any

from spacy_relext.ml.patches import enabled

# Bytes: blocks up to the first are taken from the heap, as after a block of that size was freed; so much is kept free at the heap's end.
MAPPED_ABOVE, KEPT_FREE = 2**25, 2**27
# The numbers of these settings in glibc's malloc.h, and the variables that set them from outside.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_SET_OUTSIDE = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def _find(name: str) -> Any:
    """A function of the C library, or None where it is another one than glibc, or there are no such libraries at all."""
    try:
        return getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return None


_trim = _find("malloc_trim")
_set = _find("mallopt")


def release_freed_memory() -> None:
    """Give the pages of the heap that nothing is in back to the system.

    The activations of a batch have other sizes than those of any batch before. glibc keeps what was freed in its heap, and puts small
    objects that stay between the holes, so that the heap grows with every batch that fits into none of them.

    Seen in glibc 2.36. Upstream: none filed; `malloc_trim` is what glibc has for it.
    """
    if _trim is not None and enabled():
        _trim(0)


@cache
def set_trim_threshold() -> None:
    """Let glibc keep what is freed at the end of the heap, up to `KEPT_FREE`, unless the environment says what it is to keep.

    It gives this back as soon as it is more than twice the largest block that was ever mapped by itself. Where pairs read thousands of
    tokens, that is some arrays of one chunk, which the next chunk asks for again: asking the system for the pages, and having them zeroed,
    took half of the time.

    Seen in glibc 2.36. Upstream: none filed; `mallopt` is what glibc has for it.
    """
    outside = any(name in os.environ for name in _SET_OUTSIDE) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if _trim is not None and _set is not None and not outside and enabled():
        _set(_MMAP_THRESHOLD, MAPPED_ABOVE)
        _set(_TRIM_THRESHOLD, KEPT_FREE)
