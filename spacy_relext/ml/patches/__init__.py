"""What other libraries compute slowly, keep in memory or lose, done otherwise: one module per library.

| module | library | what happens there, and what is done instead |
|---|---|---|
| `torch_cpu` | torch on a CPU | dropout, attention and embeddings of a training step; forked processes |
| `torch_bfloat16` | torch and oneDNN on a CPU | kernels per number of rows; attention that depends on the padding |
| `thinc` | thinc | the training mode between predictions; tensors that updates leave behind; sparse gradients |
| `spacy` | spaCy on a CPU | entities, which are decided token by token under Python's lock |
| `spacy_transformers` | spacy-transformers | encoders that cannot be loaded or change when they are; word pieces that are copied |
| `tokenizers` | tokenizers | padding as a state, which threads share |
| `glibc` | glibc | freed memory that stays in the heap, or is asked for again at once |

Nothing is patched in a library: classes of ours take the places of classes in one model or one pipeline, or settings are made in a process
that is ours.
Each patch names the versions in which it was seen to be needed and its issue upstream. `tests/ml/patches` has a test for each that fails
when it is not needed any more.

`SPACY_RELEXT_PATCHES=0` in the environment of a process switches all of them off: to find out whether a fault is theirs. Results are the
same but for rounding and for which units are dropped in training. What they are for is then missing: memory grows and time is lost, a
second thread is warned of, forked processes may hang in torch, and the encoders that need it cannot be loaded.
"""

import os

SWITCH = "SPACY_RELEXT_PATCHES"


def enabled() -> bool:
    """Whether other libraries are worked around: unless the environment says `SPACY_RELEXT_PATCHES=0`."""
    return os.environ.get(SWITCH) != "0"
