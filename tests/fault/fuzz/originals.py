"""The archives that mutants are made of: CMS's own where they are at hand, the bundled sample, synthetic ones.

An archive is named `RVU26A` (CMS's), `sample/RVU26A` or `synthetic/RVU25A`. Its formats are `csv`, `txt` or `xlsx`
alone, `csv+txt`, or `all`: what is left out is as if CMS had never posted it.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pfsetl
from pfsetl.declared import registry
from pfsetl.parsing.read import read_member
from pfsetl.source.archive import Archive, open_archive
from pfsetl.source.members import MemberFile
from tests import synthetic

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = Path(pfsetl.__file__).parent / "sample"
SYNTHETIC = ("RVU24A", "RVU25A", "RVU25D", "RVU26A")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")
_CSV_CELL = re.compile(r'(?:^|,)("(?:[^"]|"")*"|[^,\r\n]*)')
# a record starts with a code, or with a contractor of up to five digits; told without the code under test
_RECORD = {"pprrvu": rb"(?=[A-Z]*\d)[0-9A-Z]{4,5}[ ,0-9A-Z]", "opps_cap": rb"(?=[A-Z]*\d)[0-9A-Z]{4,7}[ ,]"}
_PLACED = rb"[\s\"]*\d{4,5}[\s,\"]"


@dataclass(frozen=True, slots=True)
class Original:
    """One file of an archive, unmutated."""

    name: str
    member: str
    participant: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """An archive reduced to some formats."""

    archive: str
    formats: str
    files: tuple[Original, ...]

    @property
    def label(self) -> str:
        """The label of the release, without where the archive is from."""
        return self.archive.rpartition("/")[2]

    @property
    def name(self) -> str:
        """The archive and its formats, as a replay is asked for."""
        return f"{self.archive}:{self.formats}"

    @property
    def is_part(self) -> bool:
        """Whether it holds some services only, and says so when it is built."""
        return "/" in self.archive


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a field stands in a line: bytes `start` to `end`."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """A text file as lines with their ends, which of them are records, and the name of the layout."""

    lines: tuple[bytes, ...]
    records: tuple[int, ...]
    member: str
    format: str
    layout: str

    def cells(self, line: int) -> list[Cell]:
        """Return the fields of a record that can be told by place."""
        text = self.lines[line].decode("latin-1").rstrip("\r\n")
        layout = next((x for x in registry.layouts(self.member) if x.name == self.layout), None)
        if layout is None:
            return []
        if layout.medium.startswith("grid"):
            spans = [m.span(1) for m in _CSV_CELL.finditer(text)]
            return [Cell(f.field, *span) for f, span in zip(layout.fields, spans, strict=False)]
        if layout.line:
            match = re.match(layout.line, text)
            return [Cell(f.field, *match.span(f.field)) for f in layout.fields] if match else []
        return [Cell(f.field, f.start - 1, f.end) for f in layout.fields if f.end <= len(text)]


def cms_folder() -> Path:
    """Return where CMS's archives are looked for."""
    return Path(os.environ.get("PFSETL_CMS") or ROOT.parent / "shared" / "cms").resolve()


def at_hand() -> list[str]:
    """Return the labels of CMS's archives at hand, in order."""
    folder = cms_folder()
    names = {p.stem for p in folder.iterdir() if p.is_dir() or p.suffix == ".zip"} if folder.is_dir() else set()
    return sorted(name for name in names if name.startswith("RVU"))


def sources_beside(archive: str) -> list[str]:
    """Return the other archives of the same origin, whose members can stray into this one."""
    origin = archive.rpartition("/")[0]
    if origin == "sample":
        return [f"sample/{p.stem}" for p in sorted(SAMPLE.glob("*.zip")) if f"sample/{p.stem}" != archive]
    if origin == "synthetic":
        return [f"synthetic/{label}" for label in SYNTHETIC if f"synthetic/{label}" != archive]
    return [label for label in at_hand() if label != archive]


@lru_cache(maxsize=8)
def load(archive: str) -> tuple[Original, ...]:
    """Return every recognized file of an archive; raises FileNotFoundError where it isn't at hand."""
    origin, _, label = archive.rpartition("/")
    if origin == "synthetic":
        with tempfile.TemporaryDirectory() as scratch:
            return _files(open_archive(synthetic.write_folder(Path(scratch), synthetic.release(label))))
    folder = SAMPLE if origin == "sample" else cms_folder()
    path = next((p for p in (folder / f"{label}.zip", folder / label) if p.exists()), None)
    if path is None:
        raise FileNotFoundError(f"{archive}: not in {folder}. Name the folder of CMS's archives in $PFSETL_CMS.")
    return _files(open_archive(path))


def _files(archive: Archive) -> tuple[Original, ...]:
    found = [Original(Path(f.name).name, f.member, f.participant, f.format, f.load()) for f in archive.files]
    return tuple(sorted(found, key=lambda f: f.name))


@lru_cache(maxsize=8)
def reduced(archive: str, formats: str) -> Source:
    """Return an archive with the files of some formats only."""
    kept = ("csv", "txt", "xlsx") if formats == "all" else tuple(formats.split("+"))
    return Source(archive, formats, tuple(f for f in load(archive) if f.format in kept))


@lru_cache(maxsize=24)
def text_of(file: Original) -> Text:
    """Return a text file's lines and records."""
    lines = tuple(line for line in _LINE.findall(file.data) if line)
    record = re.compile(_RECORD.get(file.member, _PLACED))
    records = tuple(i for i, line in enumerate(lines) if record.match(line))
    return Text(lines, records, file.member, file.format, _layout(file))


def _layout(file: Original) -> str:
    member = MemberFile(file.name, file.member, file.participant, file.format, lambda: file.data)
    return read_member(Archive("original", "0" * 64, "0" * 64, (member,), (), ()), member).layout


def one_and_more(archive: str) -> Iterator[str]:
    """Return the reductions of an archive that are worth trying: each text format alone, then both."""
    formats = {f.format for f in load(archive) if f.member == "pprrvu"}
    yield from (form for form in ("csv", "txt") if form in formats)
    if {"csv", "txt"} <= formats:
        yield "csv+txt"
