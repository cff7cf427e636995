"""The command that makes automations, `python -m flows.automations`, from `pfsetl.flows.automations`."""

import sys

from pfsetl.flows.automations import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
