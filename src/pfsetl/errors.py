"""Every error a user can meet, as a tree. The command line maps each class to its exit code.

PfsetlError                 1
├── UsageError              2   the request can't be right: unknown release, code, table, option
├── SourceUnavailable       3   CMS (or the given path) did not deliver an archive
│   └── SourceBusy          3   CMS may deliver it at another time; only this is worth another attempt
├── ArchiveError            1   the bytes are not a usable release archive
├── LayoutError             1   a member's shape is not one that `schemas/layouts` declares
├── ValueRefused            1   a cell can't be what its column says
├── ChecksFailed            1   the tables break a rule of the contract
├── ContractError           1   the contract itself, or a table that doesn't conform to it
└── StoreError              1   the store can't be read or written
    └── Conflict            1   another build published the same release meanwhile
"""


class PfsetlError(Exception):
    """Base of all errors that are meant for the user; the message names place, expectation and remedy."""

    exit_code = 1


class UsageError(PfsetlError):
    """The request names something that doesn't exist or can't be combined."""

    exit_code = 2


class SourceUnavailable(PfsetlError):
    """The archive could not be obtained."""

    exit_code = 3


class SourceBusy(SourceUnavailable):
    """The archive could not be obtained now; `retry_after` are the seconds the server asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ArchiveError(PfsetlError):
    """The archive is damaged, unsafe, or not a CMS release."""


class LayoutError(PfsetlError):
    """A member has a shape that no declared layout fits."""


class ValueRefused(PfsetlError):
    """A cell holds something that its field can't hold."""


class ChecksFailed(PfsetlError):
    """One or more contract rules of severity `error` were broken."""


class ContractError(PfsetlError):
    """The contract is inconsistent, or a table doesn't conform to it."""


class StoreError(PfsetlError):
    """The store is missing, damaged, read-only, or full."""


class Conflict(StoreError):
    """Another build published another content of the same release since this build began."""
