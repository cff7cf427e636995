"""What is said of a file beside its rates: its kind, what wasn't used, what was left out and why."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Told:
    """Notes and counts that are gathered while a file is read."""

    form: str = ""
    notes: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)
