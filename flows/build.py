"""The flow `build_release`, as deployments and `python -m flows.build` name it, from `pfsetl.flows.build`."""

import sys

from pfsetl.flows.build import build_release, main

__all__ = ["build_release", "main"]

if __name__ == "__main__":
    sys.exit(main())
