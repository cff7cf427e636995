"""The flow `backfill`, as deployments and `python -m flows.backfill` name it, from `pfsetl.flows.backfill`."""

import sys

from pfsetl.flows.backfill import backfill, main

__all__ = ["backfill", "main"]

if __name__ == "__main__":
    sys.exit(main())
