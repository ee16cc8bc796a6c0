"""Where matrix products are computed in bfloat16."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

import torch

from spacy_relext.errors import RelextError
from spacy_relext.ml.patches import enabled
from spacy_relext.ml.patches.torch_bfloat16 import pad_to_few_shapes
from spacy_relext.ml.patches.torch_cpu import PlainAttention

Precision = Literal["float32", "bfloat16", "auto"]

# Where Linux says what the CPU can do.
CPUINFO = "/proc/cpuinfo"


def cpu_has_bfloat16() -> bool:
    """Whether the CPU computes with bfloat16 itself; elsewhere it would be emulated, and slow."""
    return bool({"avx512_bf16", "amx_bf16", "arm_bf16", "bf16", "sve_bf16"} & _cpu_capabilities())


def _cpu_capabilities() -> set[str]:
    """The names of what the CPU can do: those of torch, which has them since 2.11, or else those of Linux; of other systems, none."""
    if hasattr(torch.cpu, "get_capabilities"):
        return {name for name, has in torch.cpu.get_capabilities().items() if has}
    try:
        with open(CPUINFO, encoding="utf8", errors="replace") as file:
            return {name for line in file if line.lower().startswith(("flags", "features")) for name in line.split()}
    except OSError:
        return set()


def check_precision(precision: Precision) -> Precision:
    """The setting itself. RAISES: RelextError where it is none."""
    if precision not in get_args(Precision):
        raise RelextError(f'the precision is {precision!r}; it can be "float32", "bfloat16" or "auto".')
    return precision


def computes_in_bfloat16(precision: Precision, device: str = "cpu") -> bool:
    """Whether a setting of the precision means bfloat16 on a kind of device, "cpu" or "cuda"."""
    if precision == "auto":
        precision = _decided.get() or auto_precision(device)
    return precision == "bfloat16"


def auto_precision(device: str = "cpu") -> Precision:
    """What "auto" means on a kind of device of this machine, "cpu" or "cuda"."""
    return "bfloat16" if (cpu_has_bfloat16() if device == "cpu" else torch.cuda.is_bf16_supported()) else "float32"


_decided: ContextVar[Precision | None] = ContextVar("spacy_relext_auto_precision", default=None)


@contextmanager
def decided_precision(precision: Precision | None) -> Iterator[None]:
    """Inside, and in this thread, "auto" means this, whatever the machine can do. None: as everywhere."""
    token = _decided.set(precision)
    try:
        yield
    finally:
        _decided.reset(token)


@contextmanager
def compute_precision(device: str, *, lower: bool, is_train: bool) -> Iterator[None]:
    """Inside, torch computes as economically as is known on a kind of device, "cpu" or "cuda".

    lower: Whether matrix products are computed in bfloat16. is_train: Whether gradients are to be computed.
    """
    with ExitStack() as contexts:
        contexts.enter_context(torch.autocast(device, dtype=torch.bfloat16, enabled=lower))
        if device == "cpu" and is_train and enabled():
            contexts.enter_context(PlainAttention())
        elif device == "cpu" and lower:
            contexts.enter_context(pad_to_few_shapes())
        yield
