"""What a process of pfsetl's own tells its libraries before they are loaded: to give memory back, and to spare threads.

Polars, Arrow and the C library else keep what they free for a later need, each its own: a build's peak is a fifth
higher, that of many two fifths. And numpy starts a thread per core for products of matrices, of which there are none
here; each turns for a while before it sleeps (docs/decisions/0041). A library doesn't decide that for a program that
imports it, so the command line and the flows do.
"""

import ctypes
import os
from contextlib import suppress

SETTINGS = {
    "_RJEM_MALLOC_CONF": "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",  # of glibc, which else keeps apart what each thread has freed
    "OPENBLAS_NUM_THREADS": "1",
}
_ARENA_MAX = -8  # M_ARENA_MAX of glibc's malloc.h


def be_frugal() -> None:
    """Set what polars, Arrow and numpy, which aren't loaded yet, do unasked, where nobody has set it otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # NOTE: glibc looks at its environment as a process starts; a system without it has no such function.
    with suppress(OSError, AttributeError, TypeError, ValueError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, int(os.environ["MALLOC_ARENA_MAX"]))
