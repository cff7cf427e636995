"""What a process of pfsetl's own tells its libraries before they are loaded: memory that they free goes back.

Polars and Arrow else keep it for a later need, each its own: a build's peak is a fifth higher (docs/decisions/0041). A
library doesn't decide that for a program that imports it, so the command line and the flows do.
"""

import os

SETTINGS = {"_RJEM_MALLOC_CONF": "narenas:2,dirty_decay_ms:100,muzzy_decay_ms:0", "ARROW_DEFAULT_MEMORY_POOL": "system"}


def give_memory_back() -> None:
    """Set how polars and Arrow, which aren't loaded yet, treat what they free, where nobody has set it otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
