"""Every error a user can meet, as a tree. The command line maps each class to its exit code.

PfsetlError                 1
├── UsageError              2   the request can't be right: unknown release, code, table, option
├── SourceUnavailable       3   CMS (or the given path) did not deliver an archive
│   └── SourceBusy          3   CMS may deliver it at another time; only this is worth another attempt
├── ArchiveError            1   the bytes are not a usable release archive
├── LayoutError             1   a member's shape is not one that `schemas/layouts` declares
├── ValueRefused            1   a cell can't be what its column says
├── ChecksFailed            1   the tables break a rule of the contract
├── Unexpected              1   a fault of this software or of a library
├── ContractError           1   the contract itself, or a table that doesn't conform to it
└── StoreError              1   the store can't be read or written
    └── Conflict            1   another build published the same release meanwhile
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath


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
    """A member has a shape that no declared layout fits; of one that is `declarable` pfsetl can propose the rows."""

    def __init__(self, message: str, *, declarable: bool = False) -> None:
        super().__init__(message)
        self.declarable = declarable


class ValueRefused(PfsetlError):
    """A cell holds something that its field can't hold."""


class ChecksFailed(PfsetlError):
    """One or more contract rules of severity `error` were broken."""


class ContractError(PfsetlError):
    """The contract is inconsistent, or a table doesn't conform to it."""


class Unexpected(PfsetlError):
    """An unexpected failure; the message says what was being done, the cause what went wrong."""


class StoreError(PfsetlError):
    """The store is missing, damaged, read-only, or full."""


class Conflict(StoreError):
    """Another build published another content of the same release since this build began."""


def shown(cell: object, most: int = 80) -> str:
    """Return a cell or a library's words as a message shows them: in quotes, control characters as escapes, cut."""
    text = str(cell)
    return repr(text) if len(text) <= most else f"{text[:most]!r}... ({len(text):,} characters)"


def refuse_undecoded(name: str) -> None:
    """Raise UsageError for a name that isn't text to Python, which no manifest and no reader of Parquet can hold."""
    if any("\udc80" <= c <= "\udcff" for c in name):
        raise UsageError(
            f"{name}: not a name in UTF-8. Rename it, or set LC_ALL=C.UTF-8 if the name is right and the language of "
            "this shell is C or POSIX."
        )


@contextmanager
def during(what: str) -> Iterator[None]:
    """Turn any unexpected error into an Unexpected that says what was being done; interrupts pass through."""
    try:
        yield
    except PfsetlError:
        raise
    except BaseException as error:
        if not is_fault(error):
            raise
        raise Unexpected(unexpected(error, what)) from error


@contextmanager
def otherwise(remedy: str) -> Iterator[None]:
    """Add to what a source says what to do without it; whether it's worth another attempt stays as it was."""
    try:
        yield
    except SourceBusy as error:
        raise SourceBusy(f"{error} {remedy}", error.retry_after) from error
    except SourceUnavailable as error:
        raise SourceUnavailable(f"{error} {remedy}") from error


@contextmanager
def proposing(label: str, archive: Path) -> Iterator[None]:
    """Add to a refused shape that is declarable the command that proposes its rows, with label and path as they are."""
    try:
        yield
    except LayoutError as error:
        if not error.declarable:
            raise
        command = f"pfsetl declare {label} --archive {shlex.quote(str(Path(archive).absolute()))}"
        raise LayoutError(
            f"{error} To see the rows that it needs: {command} (--out DIR writes them, --schemas DIR takes them in)."
        ) from error


def is_fault(error: BaseException) -> bool:
    """Return whether an error means that work went wrong, not that somebody stopped it.

    NOTE: what Rust libraries raise for a panic isn't an Exception.
    """
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def unexpected(error: BaseException, what: str = "") -> str:
    """Return the message for an unexpected error: its kind and its place in this software.

    What a library says isn't repeated: it may hold a file's content, and helps nobody without the place.
    """
    doing = f"{what}: " if what else ""
    if isinstance(error, MemoryError):
        return f"{doing}out of memory. Run it where more is free; if 2 GB are, please report it."
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{doing}{place}{error.strerror}. Check path, rights and space."
    step, place = error.__traceback__, ""
    while step:
        path = PurePath(step.tb_frame.f_code.co_filename)
        if "pfsetl" in path.parts and path.name != "errors.py":
            place = f" at {path.name}:{step.tb_lineno}"
        step = step.tb_next
    return (
        f"Unexpected error (please report it): {doing}{type(error).__name__}{place}. Nothing of it was published. "
        "Download the archive again if one is named here; --debug shows all that is known."
    )
