"""What is said of a file beside its rates: its kind, what wasn't used, what was left out and why."""

from collections import Counter
from dataclasses import dataclass, field

MOST = 50  # notes
OTHER_CODE = "of another code"
OTHER_PROVIDER = "of another provider"


@dataclass(slots=True)
class Told:
    """Notes and counts that are gathered while a file is read."""

    form: str = ""
    separator: str = ","  # of a CSV
    notes: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def leave_out(self, why: str, count: int = 1) -> None:
        """Count rates that weren't asked for, or aren't rates."""
        self.left_out[why] += count

    def note(self, text: str) -> None:
        """Say something once."""
        if text in self.notes:
            return
        if len(self.notes) < MOST:
            self.notes.append(text)
        else:
            self.leave_out("notes like these")
