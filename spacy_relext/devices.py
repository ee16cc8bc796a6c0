"""Where models compute."""

import platform
from collections.abc import Callable
from pathlib import Path

import torch
from thinc.api import require_gpu

from spacy_relext.errors import RelextError


def use_gpu(gpu_id: int, use: Callable[[int], object] = require_gpu) -> None:
    """Compute on a GPU from now on; -1: nothing changes. use: What takes it. RAISES: RelextError for one that cannot be used."""
    if gpu_id < 0:
        return
    try:
        use(gpu_id)
    except (ValueError, RuntimeError) as error:
        raise RelextError(f"GPU {gpu_id} cannot be used: {error}. Leave out `gpu_id` for the CPU.") from error


def device_name(gpu_id: int) -> str:
    """The name of a GPU, or of the processor for -1."""
    if gpu_id >= 0:
        return torch.cuda.get_device_name(gpu_id)
    # Python knows the processor's name on some systems only.
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf8", errors="replace").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
