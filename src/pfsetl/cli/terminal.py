"""What a person at a terminal sees while work goes on: progress bars on anything over a second, else nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from pfsetl.declared.registry import Release
from pfsetl.errors import SourceUnavailable
from pfsetl.source import fetch
from pfsetl.source.pages import Page


def fetched(release: Release, cache: Path | None) -> Path:
    """Fetch a release's archive, with a progress bar when a person is watching."""
    folder = cache or fetch.cache_folder()
    if not sys.stderr.isatty():
        return fetch.fetch(release, cache=folder)
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (f"fetching {release.label}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        return fetch.fetch(
            release, cache=folder, progress=lambda done, total: bar.update(task, completed=done, total=total or None)
        )


def page(url: str) -> Page:
    """Return a page of CMS's site as text, with its address after redirects."""
    try:
        answer = requests.get(url, timeout=fetch.TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise SourceUnavailable(f"{url}: {error}. Try again later, or look at the page in a browser.") from error
    return Page(text=answer.text, url=answer.url)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[str, str], None]]:
    """Yield what to call after each step; a person who watches sees a progress bar."""
    if not sys.stderr.isatty():
        yield lambda label, outcome: print(f"{label}: {outcome}", file=sys.stderr)
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
