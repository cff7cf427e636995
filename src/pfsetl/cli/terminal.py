"""What a person at a terminal sees while work goes on: progress bars on anything over a second, else nothing."""

import codecs
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pfsetl.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from pfsetl.declared.registry import Release
    from pfsetl.source.archive_list import Fetched
    from pfsetl.source.cache import Cache

WIDEST = 300  # characters of one word; no name or number of CMS's comes near
LONGEST = 4_000  # characters of one line; the longest message of this program has under 2,000
_LONG = re.compile(rf"\S{{{WIDEST + 1},}}")


def takes_all(stream: TextIO) -> bool:
    """Return whether a stream can say every character; one of ASCII, or of a Windows code page, can't."""
    return codecs.lookup(stream.encoding or "utf-8").name == "utf-8"


def open_closed_streams() -> None:
    """Let what is said into a stream that the caller closed (`>&-`) go nowhere, and not end what is being done."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def say_what_it_can(stream: TextIO) -> None:
    """Let a stream show as escapes the characters that its encoding lacks, as stderr does, and not fail."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def print_csv(text: str) -> None:
    """Print CSV, in which an escape is another value; raises UsageError where the output can't say a character."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the output is encoded as {sys.stdout.encoding}, which lacks {text[error.start]!a}. Set PYTHONUTF8=1, "
            "or take --json."
        ) from error
    print(text, end="")


def plain(text: str) -> str:
    """Return text that can't steer a terminal: control characters as escapes, words that nobody reads shortened.

    What archives, stores and servers hold ends up in messages, whoever made them.
    """
    shown = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    whole = _LONG.sub(lambda word: f"{word[0][:WIDEST]}...", shown)
    return "\n".join(line if len(line) <= LONGEST else f"{line[:LONGEST]}..." for line in whole.split("\n"))


def fetched(release: "Release", cache: "Cache", *, url: str | None = None, offline: bool = False) -> "Fetched":
    """Fetch a release's archive, with a progress bar when a person is watching; offline, take it from the cache."""
    from pfsetl.source import cache as archives
    from pfsetl.source import fetch  # brings the libraries of the network, which most commands never need

    if offline:
        return fetch.newest_cached(release, cache)
    try:
        if not sys.stderr.isatty():
            return fetch.fetch(release, cache, url=url)
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

        columns = (f"fetching {release.label}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            return fetch.fetch(
                release, cache, url=url, report=lambda done, total: bar.update(task, completed=done, total=total)
            )
    except SourceUnavailable as error:
        held, notices = archives.usable(cache, release.label)
        if notices:
            raise SourceUnavailable(" ".join([str(error), *(f"{text}." for text in notices)])) from error
        if held is None:
            raise
        raise SourceUnavailable(
            f"{error} The cache holds revision {held.revision}, fetched {held.retrieved_at:%Y-%m-%d}: "
            "--offline uses it."
        ) from error


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[str, str], None]]:
    """Yield what to call after each step; a person who watches sees a progress bar."""
    if not sys.stderr.isatty():
        yield lambda label, outcome: print(plain(f"{label}: {outcome}"), file=sys.stderr)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda label, outcome: bar.update(task, advance=1, description=f"{label} {outcome}")


@contextmanager
def watching(what: str) -> Iterator[None]:
    """Show that work goes on, when a person is watching."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
