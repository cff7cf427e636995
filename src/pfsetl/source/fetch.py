"""URL to verified bytes: bring a release's archive from CMS into a local cache, complete or not at all."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from importlib.metadata import version as installed
from pathlib import Path
from urllib.parse import urlsplit

import requests

from pfsetl.declared.registry import Release
from pfsetl.errors import SourceUnavailable
from pfsetl.source.archive import MAX_ARCHIVE_BYTES

CMS = "https://www.cms.gov"
TIMEOUT = (10, 60)  # seconds to connect, seconds between two pieces of the answer
CHUNK = 1 << 16

Progress = Callable[[int, int], None]


def source_url(release: Release, base: str | None = None) -> str:
    """Return the address of a release's zip; `base` (or PFSETL_CMS_URL) replaces CMS's host."""
    if release.zip_path is None:
        raise SourceUnavailable(
            f"{release.label}: schemas/releases.csv knows no address of its zip. Download it by hand and pass it "
            "with --archive."
        )
    return (base or os.environ.get("PFSETL_CMS_URL") or CMS).rstrip("/") + release.zip_path


def cache_folder() -> Path:
    """Return where fetched archives are kept: PFSETL_CACHE, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("PFSETL_CACHE") or Path(home) / "pfsetl")


def fetch(release: Release, *, cache: Path, base: str | None = None, progress: Progress | None = None) -> Path:
    """Download a release's zip and return its path, `<cache>/<label>-<sha256>.zip`.

    Downloads always: CMS re-posts archives under the same address, and the hash of the bytes is what tells.
    Equal bytes are stored once; other bytes get another name, and nothing is overwritten. Raises
    SourceUnavailable when CMS can't be reached, refuses, or answers with something that is not a complete zip.
    """
    url = source_url(release, base)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = cache / f"{release.label}.{os.getpid()}.part"
        try:
            digest = _download(url, partial, progress)
            _refuse_non_zip(partial, url)
            kept = cache / f"{release.label}-{digest}.zip"
            partial.replace(kept)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        if isinstance(error, requests.RequestException):
            raise SourceUnavailable(
                f"{url}: {type(error).__name__}: {error}. Try again later, or download the zip in a browser and "
                "pass it with --archive."
            ) from error
        raise SourceUnavailable(f"{cache}: {error.strerror or error}. Check the cache folder and its space.") from error
    return kept


def _download(url: str, target: Path, progress: Progress | None) -> str:
    digest, size = hashlib.sha256(), 0
    headers = {"User-Agent": os.environ.get("PFSETL_USER_AGENT") or f"pfsetl/{installed('pfsetl')}"}
    with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer:
        _refuse_status(url, answer)
        expected = int(answer.headers.get("Content-Length") or 0)
        if expected > MAX_ARCHIVE_BYTES:
            raise SourceUnavailable(f"{url}: {expected:,} bytes, more than {MAX_ARCHIVE_BYTES:,}. Not a CMS archive.")
        with target.open("wb") as stream:
            for chunk in answer.iter_content(CHUNK):
                size += len(chunk)
                if size > MAX_ARCHIVE_BYTES:
                    raise SourceUnavailable(f"{url}: more than {MAX_ARCHIVE_BYTES:,} bytes. Not a CMS archive.")
                stream.write(chunk)
                digest.update(chunk)
                if progress:
                    progress(size, expected)
            stream.flush()
            os.fsync(stream.fileno())
    if expected and size != expected:
        raise SourceUnavailable(f"{url}: {size:,} of {expected:,} bytes arrived. Try again.")
    return digest.hexdigest()


def _refuse_status(url: str, answer: requests.Response) -> None:
    if answer.status_code == requests.codes.forbidden:
        raise SourceUnavailable(
            f"{url}: 403, {urlsplit(url).hostname} refuses this network or program. Download the zip in a browser "
            "and pass it with --archive, or set PFSETL_USER_AGENT."
        )
    if answer.status_code != requests.codes.ok:
        raise SourceUnavailable(
            f"{url}: {answer.status_code} {answer.reason}. CMS may have moved the file: look for the release on "
            "its page, download the zip and pass it with --archive."
        )


def _refuse_non_zip(path: Path, url: str) -> None:
    with path.open("rb") as stream:
        head = stream.read(512)
    if head[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        return
    what = "an HTML page (a licence or release page)" if head.lstrip()[:1] == b"<" else "not a complete zip"
    raise SourceUnavailable(f"{url}: answered with {what}. Download the zip in a browser and pass it with --archive.")
