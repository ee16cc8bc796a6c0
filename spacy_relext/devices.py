"""Where models compute."""

from collections.abc import Callable

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
