"""The flow `watch`, as deployments and `python -m flows.watch` name it, from `pfsetl.flows.watch`."""

import sys

from pfsetl.flows.watch import main, watch

__all__ = ["main", "watch"]

if __name__ == "__main__":
    sys.exit(main())
