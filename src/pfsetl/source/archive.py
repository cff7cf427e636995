"""Open what CMS published: a zip, or a folder of its members, recognised by name and refused when unsafe."""

import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path, PurePosixPath

from pfsetl.declared import declarations
from pfsetl.declared.registry import Release
from pfsetl.errors import ArchiveError, SourceUnavailable, refuse_undecoded, shown
from pfsetl.source.members import MemberFile, is_of_system, missing, recognise

MAX_ARCHIVE_BYTES = 32 << 20  # CMS's largest zip has 4 MB
MAX_MEMBER_BYTES = 32 << 20  # its largest member has 7 MB
MAX_TOTAL_BYTES = 128 << 20  # its largest archive has 17 MB unpacked
MAX_ENTRIES = 1_000  # its largest archive has 16
MAX_RATIO = 100  # its text packs 8 to 1; deflate ends at 1,032 to 1
RATIO_FROM_BYTES = 1 << 20
MAX_NAME = 240  # characters; file systems end at 255 bytes
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # their memory doesn't depend on the file
UNPACKERS = 2  # members that are unpacked at a time
_WITHIN = "!/"  # between the name of a zip inside a zip and that of its file
_CENTRAL = b"PK\x01\x02"  # begins each entry of a zip's directory (PKWARE APPNOTE 4.3.12)


@dataclass(frozen=True, slots=True)
class Archive:
    """A release as CMS delivered it; `missing`, `ignored` and `notices` are reported, never silent.

    `sha256` is that of the zip; `content` that of the recognised members alone, the same for a zip and for the folder
    of its files. A folder has no bytes of its own, so there both are the content's.
    """

    name: str
    sha256: str
    content: str
    files: tuple[MemberFile, ...]
    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    notices: tuple[str, ...] = ()


def open_archive(path: Path, day: date | None = None) -> Archive:
    """Open a zip or a folder of members and recognise its files by `schemas/members.csv`.

    `day` is the first of the release's quarter, which says what members it has; without it, those of every year count.

    Raises SourceUnavailable when there is nothing at `path`, ArchiveError when what is there is damaged, unsafe,
    ambiguous, or lacks a required member. Nothing is extracted to disk.
    """
    if path.is_dir():
        inside = sorted(path.iterdir())
        contents = {p.name: file_loader(p) for p in inside if p.is_file()}
        folders = [p.name for p in inside if p.is_dir() and not is_of_system(p.name)]
        return _recognised(path, None, contents, folders, day)
    data = _zip_at(path)
    return _recognised(path, hashlib.sha256(data).hexdigest(), _unpacked(path, data), (), day)


def other_bytes(release: Release, name: str, sha256: str) -> list[str]:
    """Say that a zip isn't the one that `schemas/releases.csv` knows of its release; nothing where none is known.

    CMS posts other bytes under the same label, so that's a thing to look at, and no reason to refuse a zip.
    """
    if release.zip_sha256 in (None, sha256):
        return []
    return [
        f"{name}: these aren't the bytes that were known of {release.label}: sha256 {sha256[:16]}, known "
        f"{str(release.zip_sha256)[:16]}. They're read all the same; what is published of them is a revision of "
        f"{release.label}. If CMS has re-posted it, write its sha256 into {declarations.named('releases.csv')}"
    ]


def contents(path: Path) -> dict[str, Callable[[], bytes]]:
    """Return the names of all files in a zip or a folder and what loads them, recognised or not.

    Raises what `open_archive` raises for what isn't there, damaged or unsafe.
    """
    if path.is_dir():
        return {p.name: cache(file_loader(p)) for p in sorted(path.iterdir()) if p.is_file()}
    return {name: cache(load) for name, load in _unpacked(path, _zip_at(path)).items()}


def refuse_damaged(name: str, data: bytes) -> None:
    """Read every member of a zip to its end; raises ArchiveError when one is damaged or unsafe, whatever they hold."""
    for load in zip_contents(Path(name), data).values():
        load()


def _zip_at(path: Path) -> bytes:
    if not path.is_file():
        raise SourceUnavailable(
            f"{path}: no such file or folder, or a device. Give the zip or the folder of its members."
        )
    return file_loader(path)()


def _recognised(
    path: Path, digest: str | None, contents: dict[str, Callable[[], bytes]], folders: Sequence[str], day: date | None
) -> Archive:
    for name in (path.name, *contents):  # what a manifest keeps
        refuse_undecoded(name)
    once = {name: cache(load) for name, load in contents.items()}
    found = recognise(path.name, once, folders, day)
    lacks = tuple(missing(path.name, found, day))
    with ThreadPoolExecutor(UNPACKERS) as pool:
        hashes = pool.map(lambda file: hashlib.sha256(file.load()).hexdigest(), found.files)
        lines = sorted(
            f"{sha256}  {PurePosixPath(f.name).name}\n" for f, sha256 in zip(found.files, hashes, strict=True)
        )
    content = hashlib.sha256("".join(lines).encode()).hexdigest()
    within = {name.partition(_WITHIN)[0] for name in contents if _WITHIN in name}
    notices = tuple(f"{path.name}: its files are in the zip {shown(inner)} inside it" for inner in within)
    return Archive(path.name, digest or content, content, found.files, lacks, found.ignored, notices + found.notices)


def _unpacked(path: Path, data: bytes) -> dict[str, Callable[[], bytes]]:
    """Return what is in a zip; of one without any member but with one zip inside, what is in that one too.

    Under the same bounds, and no deeper: whoever packs a zip again packs it once.
    """
    outer = zip_contents(path, data)
    inner = [name for name in outer if name.lower().endswith(".zip") and not is_of_system(name)]
    if len(inner) != 1 or recognise(path.name, outer).files:
        return outer
    [name] = inner
    inside = zip_contents(path / name, outer.pop(name)())
    return outer | {f"{PurePosixPath(name).name}{_WITHIN}{inner_name}": load for inner_name, load in inside.items()}


def file_loader(path: Path, most: int = MAX_MEMBER_BYTES) -> Callable[[], bytes]:
    """Return what reads a file of at most so many bytes."""

    def load() -> bytes:
        try:
            size = path.stat().st_size
            if size > most:
                raise ArchiveError(
                    f"{path}: {size:,} bytes, more than the {most:,} that any file of CMS's has. "
                    "Is this the right file?"
                )
            return path.read_bytes()
        except OSError as error:
            raise SourceUnavailable(f"{path}: {error.strerror}. Check that it can be read.") from error

    return load


def zip_contents(
    path: Path, data: bytes, most: int = MAX_MEMBER_BYTES, total: int = MAX_TOTAL_BYTES
) -> dict[str, Callable[[], bytes]]:
    """Return the names in a zip and what loads each; `most` bytes one has unpacked, `total` all have together.

    Raises ArchiveError for what is no zip, is damaged, or isn't safe to unpack.
    """
    if data.lstrip()[:1] == b"<":
        raise ArchiveError(
            f"{path}: an HTML page, not a zip. CMS answers with a licence or release page when the link "
            "isn't the file itself. Download the zip in a browser, and name that file instead."
        )
    # NOTE: before the directory is read, whose entries take ten times their bytes of memory.
    if (entries := data.count(_CENTRAL)) > MAX_ENTRIES:
        raise ArchiveError(
            f"{path}: {entries:,} entries, more than {MAX_ENTRIES:,}. That is no CMS archive; download it again."
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = [i for i in archive.infolist() if not i.is_dir()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise ArchiveError(
            f"{path}: not a complete zip ({shown(error)}; {len(data):,} bytes). Download it again, or give the "
            "folder that its files are in."
        ) from error
    _refuse_unsafe(path, infos, most, total)
    return {info.filename: _zip_loader(path, archive, info) for info in infos}


def _refuse_unsafe(path: Path, infos: list[zipfile.ZipInfo], most: int, at_most: int) -> None:
    seen: set[str] = set()
    for info in infos:
        name = info.filename
        place = f"{path.name}/{name}"
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or ":" in name:
            raise ArchiveError(f"{place}: a path that leaves the archive. This isn't a zip made by CMS.")
        if info.flag_bits & 0x1:
            raise ArchiveError(f"{place}: encrypted. CMS doesn't encrypt; download the archive again.")
        if info.file_size > most:
            raise ArchiveError(f"{place}: claims {info.file_size:,} bytes, more than {most:,}. Refused unread.")
        if len(name) > MAX_NAME:
            raise ArchiveError(
                f"{path.name}: a name of {len(name):,} characters, {shown(name)}. This isn't a zip made by CMS."
            )
        if info.compress_type not in METHODS:
            raise ArchiveError(
                f"{place}: packed by method {info.compress_type}, which isn't read. Unpack the zip and give the "
                "folder, or download the archive again."
            )
        if info.file_size > max(RATIO_FROM_BYTES, MAX_RATIO * info.compress_size):
            raise ArchiveError(
                f"{place}: claims {info.file_size:,} bytes packed into {info.compress_size:,}, more than {MAX_RATIO} "
                "to 1. Refused unread; download the archive again."
            )
        if name.lower() in seen:
            raise ArchiveError(f"{place}: the zip holds this name twice. Download it again.")
        seen.add(name.lower())
    total = sum(info.file_size for info in infos)
    if total > at_most:
        raise ArchiveError(f"{path.name}: claims {total:,} bytes unpacked, more than {at_most:,}.")
    if not infos:
        raise ArchiveError(f"{path.name}: an empty zip. Download it again.")


def _zip_loader(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    def load() -> bytes:
        try:
            with archive.open(info) as stream:
                data = stream.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
            raise ArchiveError(
                f"{path.name}/{info.filename}: damaged inside the zip ({shown(error)}). Download the archive again."
            ) from error
        if len(data) != info.file_size:
            raise ArchiveError(
                f"{path.name}/{info.filename}: {len(data):,} bytes, the zip promised {info.file_size:,}. "
                "Download the archive again."
            )
        return data

    return load
