"""Commands that ask CMS: what is new there, and the archives of releases."""

import os
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter

from pfsetl.cli import render, render_changes, terminal
from pfsetl.cli.options import OUTPUT_VARIABLE, CacheAlone, Json, Offline
from pfsetl.declared import registry
from pfsetl.errors import SourceUnavailable, UsageError
from pfsetl.source import cache as kept
from pfsetl.source.opening import open_cache


def fetch(
    *releases: Annotated[str, Parameter(help="Labels such as RVU26A, or files beside them such as mue.")],
    url: Annotated[
        str | None,
        Parameter(help="Fetch from this address at cms.gov instead of the one in releases.csv; for one label."),
    ] = None,
    cache: CacheAlone = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Fetch archives from CMS into the cache and print their paths; what hasn't changed isn't downloaded again.

    Files beside the releases are fetched by their kind, as far as CMS's addresses are known; 'pfsetl load' loads them.
    """
    if not releases or (url and (offline or len(releases) > 1)):
        raise UsageError("fetch: name a label such as RVU26A, or several; --url goes with one, and not with --offline.")
    kinds = registry.companion_kinds()
    wanted = [None if label.lower() in kinds else registry.find_or_infer(label) for label in releases]
    place = open_cache(cache, os.environ.get(OUTPUT_VARIABLE))
    found: list[dict[str, Any]] = []
    failed = []
    for label, release in zip(releases, wanted, strict=True):
        try:
            if release is None:
                found.append(_companion(label.lower(), place, url, offline=offline))
            else:
                each = terminal.fetched(release, place, url=url, offline=offline)
                found.append(asdict(each) | {"path": str(each.path), "kept": kept.address(place, each)})
        except SourceUnavailable as error:
            failed.append(str(error))
    if json:
        print(render.as_json(found))
    else:
        print("".join(f"{each['path']}\n" for each in found), end="")
    if failed:
        raise SourceUnavailable("\n".join(failed))


def _companion(kind: str, place: kept.Cache, url: str | None, *, offline: bool) -> dict[str, Any]:
    """Fetch a file beside the releases, that of today's quarter or year unless an address is given."""
    from pfsetl.source.fetch_companion import fetch_companion  # brings the libraries of the network

    if offline:
        raise UsageError(f"fetch: --offline goes with labels of releases, not with {kind}. Fetch it, or load a file.")
    with terminal.watching(f"fetching {kind}"):
        got = fetch_companion(kind, place, day=datetime.now(UTC).date(), url=url)
    return asdict(got) | {"path": str(got.path)}


def discover(*, since: int | None = None, cache: CacheAlone = None, json: Json = False) -> None:
    """Print what is new at CMS: new releases, new zips under known labels, releases taken down.

    Only pages are downloaded, one after another. 'pfsetl build LABEL --archive ZIP' publishes a new one from its zip.

    Parameters
    ----------
    since
        Read the pages of known releases from this year on; default last year. New releases are always read.
    """
    from pfsetl.source import discover as discovering
    from pfsetl.source import web

    first = datetime.now(UTC).year - 1 if since is None else since
    cached = discovering.cached_addresses(open_cache(cache, os.environ.get(OUTPUT_VARIABLE)))
    with terminal.watching("reading CMS's pages"):
        found = discovering.discover(discovering.politely(web.get_text), registry.releases(), cached, since=first)
    rows = [discovering.release_row(p) if p.state == "new_label" else None for p in found]
    if json:
        told = [asdict(posting) | {"row": row} for posting, row in zip(found, rows, strict=True)]
        print(render.as_json({"since": first, "postings": told}))
    else:
        render_changes.postings(found, [row for row in rows if row])
    unread = [p for p in found if p.state == "unreachable"]
    if unread:
        raise SourceUnavailable("\n".join(f"{p.label}: {p.note}" for p in unread))
