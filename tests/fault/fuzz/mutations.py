"""One mutation of an archive, chosen by a random generator: the same seed and number give the same bytes everywhere.

Bytes: `byte.set`, `byte.drop`, `byte.insert`, anywhere in a file.
Cells: `digit.set`, `digit.swap`, `digit.point`, `cell.blank`, `cell.copy` (another record's value), `cell.error`
(Excel's), `cell.letter`; a column first, then one of its cells, so that each column is tried as often.
Columns: `column.shift` (every value one record down), `column.swap` (two columns changed for each other).
Lines: `line.drop`, `line.double`, `line.swap`, `line.move`, `line.join`, `lines.drop`, `lines.double`.
Cuts: `cut.line` at the end of any record, `cut.byte` anywhere, `cut.head` (the first records are gone).
Members: `member.foreign` (another release's file in the place and under the name of this one's), `member.named` (under
its own name), `member.retitled` (its records under this one's title and headings), `member.participant`,
`member.beside` (another release's file as one more), `member.absent`.
Labels: `label.quarter`, `label.year`: the archive built as another release.

A seed is a number, or `b` and a number: then only bytes and digits are changed, wherever in the archive the dice fall
(`byte.*`, `digit.any`), so that a file or column is hit as often as it is large.
"""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fault.fuzz.originals import Original, Source, Text, load, sources_beside, text_of

DESCRIPTION = "description"  # licensed text, kept out of the published tables
_EXCEL = ("#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "########")
TRIES = 40


@dataclass(frozen=True, slots=True)
class Mutant:
    """An archive with one thing wrong: `files` are its files, `label` the release it is built as."""

    kind: str
    label: str
    file: str
    member: str
    field: str
    told: str
    files: tuple[tuple[str, bytes], ...]


class NotPossibleError(Exception):
    """The mutation can't be made of this file; another is chosen."""


Change = tuple[bytes, str, str]
"""The file's new bytes, the field that was hit, and in words what was done."""
OfText = Callable[[Random, Text], Change]


def mutant(source: Source, seed: int | str, number: int) -> Mutant:
    """Return the mutant of a source that a seed and a number stand for."""
    random = Random(f"{source.name}:{seed}:{number}")
    kinds = BYTES if at_random(seed) else KINDS
    for _ in range(TRIES):
        kind = random.choices(tuple(kinds), tuple(weight for weight, _ in kinds.values()))[0]
        try:
            return kinds[kind][1](kind, random, source)
        except NotPossibleError:
            continue
    raise NotPossibleError(f"{source.name}: nothing can be mutated")


def at_random(seed: int | str) -> bool:
    """Whether a seed stands for bytes and digits at random, and nothing else."""
    return str(seed).startswith("b")


# --- one file's bytes and lines ---------------------------------------------------------------------------------


def _byte_set(random: Random, text: Text) -> Change:
    data, at = _anywhere(random, text)
    new = random.choice((random.randrange(256), random.choice(b'0123456789 .,ABCNRTX-\r\n"')))
    return data[:at] + bytes([new]) + data[at + 1 :], "", f"byte {at} {data[at]:#04x} to {new:#04x}"


def _byte_drop(random: Random, text: Text) -> Change:
    data, at = _anywhere(random, text)
    count = random.choice((1, 1, 1, 2, 5))
    return data[:at] + data[at + count :], "", f"{count} bytes gone at {at}"


def _byte_insert(random: Random, text: Text) -> Change:
    data, at = _anywhere(random, text)
    new = bytes(random.choice(b'0123456789 .,AZ"\r\n') for _ in range(random.choice((1, 1, 2))))
    return data[:at] + new + data[at:], "", f"{new!r} put in at {at}"


def _digit_any(random: Random, text: Text) -> Change:
    data = b"".join(text.lines)
    for _ in range(TRIES):
        at = random.randrange(len(data))
        if data[at] in b"0123456789":
            new = random.choice([d for d in b"0123456789" if d != data[at]])
            return data[:at] + bytes([new]) + data[at + 1 :], "", f"byte {at} {chr(data[at])} to {chr(new)}"
    raise NotPossibleError


def _anywhere(random: Random, text: Text) -> tuple[bytes, int]:
    data = b"".join(text.lines)
    return data, random.randrange(len(data))


def _of_cell(change: Callable[[Random, bytes, Text, str], bytes]) -> OfText:
    def changed(random: Random, text: Text) -> Change:
        line, field, start, end = _cell(random, text)
        old = text.lines[line][start:end]
        new = change(random, old, text, field)
        if new == old:
            raise NotPossibleError
        if text.format != "csv" and len(new) != len(old):  # a record of fixed columns keeps its length
            new = new.strip().rjust(len(old))
            if len(new) != len(old) or new == old:
                raise NotPossibleError
        lines = list(text.lines)
        lines[line] = lines[line][:start] + new + lines[line][end:]
        # NOTE: never the record itself, which may be licensed text
        return (
            b"".join(lines),
            field,
            f"line {line + 1} {field or '?'} {old.decode('latin-1')!r} to {new.decode('latin-1')!r}",
        )

    return changed


def _cell(random: Random, text: Text) -> tuple[int, str, int, int]:
    """Choose a column, then a record in which it has a value."""
    if not text.records:
        raise NotPossibleError
    fields = [c.field for c in text.cells(random.choice(text.records)) if c.field != DESCRIPTION]
    if not fields:
        line = random.choice(text.records)
        token = random.choice([m.span() for m in re.finditer(rb"\S+", text.lines[line])])
        return line, "", *token
    field = random.choice(fields)
    for _ in range(TRIES):
        line = random.choice(text.records)
        cell = next((c for c in text.cells(line) if c.field == field), None)
        if cell and text.lines[line][cell.start : cell.end].strip():
            return line, field, cell.start, cell.end
    raise NotPossibleError


def _digit_set(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    at = random.choice(_digits(cell))
    new = random.choice([d for d in b"0123456789" if d != cell[at]])
    return cell[:at] + bytes([new]) + cell[at + 1 :]


def _digit_swap(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    pairs = [(i, j) for i, j in zip(_digits(cell), _digits(cell)[1:], strict=False) if cell[i] != cell[j]]
    if not pairs:
        raise NotPossibleError
    i, j = random.choice(pairs)
    new = bytearray(cell)
    new[i], new[j] = new[j], new[i]
    return bytes(new)


def _digit_point(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    point = cell.find(b".")
    if point < 0:
        raise NotPossibleError
    whole = cell.replace(b".", b"")
    at = random.choice([i for i in (point - 1, point + 1, len(whole)) if 0 <= i <= len(whole) and i != point])
    return whole[:at] + (b"." if at < len(whole) else b"") + whole[at:]


def _digits(cell: bytes) -> list[int]:
    found = [i for i, byte in enumerate(cell) if chr(byte).isdigit() and byte < 128]
    if not found:
        raise NotPossibleError
    return found


def _cell_blank(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    return b"" if text.format == "csv" else b" " * len(cell)


def _cell_copy(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    if not field:
        raise NotPossibleError
    for _ in range(TRIES):
        line = random.choice(text.records)
        other = next((c for c in text.cells(line) if c.field == field), None)
        if other and (new := text.lines[line][other.start : other.end]).strip() != cell.strip():
            return new
    raise NotPossibleError


def _cell_error(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    return random.choice(_EXCEL).encode()


def _cell_letter(random: Random, cell: bytes, text: Text, field: str) -> bytes:
    at = random.randrange(len(cell))
    return cell[:at] + random.choice((b"O", b"l", b"S", b"-", b" ", b"*", b"\xa0", b"B", b"\xb2")) + cell[at + 1 :]


def _column_shift(random: Random, text: Text) -> Change:
    """Move every value of a column one record down, as a spreadsheet does when one cell is inserted."""
    fields = _fields(random, text)
    field = random.choice(fields)
    lines = list(text.lines)
    first = random.choice((0, random.randrange(len(text.records))))
    carried: bytes | None = None
    for line in text.records[first:]:
        cell = next((c for c in text.cells(line) if c.field == field), None)
        if cell is None:
            continue
        old = lines[line][cell.start : cell.end]
        if carried is not None and (text.format == "csv" or len(carried) == len(old)):
            lines[line] = lines[line][: cell.start] + carried + lines[line][cell.end :]
        carried = old
    return b"".join(lines), field, f"{field} moved one record down from record {first + 1} on"


def _column_swap(random: Random, text: Text) -> Change:
    one, other = random.sample(_fields(random, text), 2)
    lines = list(text.lines)
    for line in text.records:
        at = {c.field: c for c in text.cells(line)}
        if one not in at or other not in at:
            continue
        a, b = sorted((at[one], at[other]), key=lambda c: c.start)
        row = lines[line]
        first, second = row[a.start : a.end], row[b.start : b.end]
        if text.format != "csv":
            first, second = first.strip().rjust(b.end - b.start), second.strip().rjust(a.end - a.start)
        lines[line] = row[: a.start] + second + row[a.end : b.start] + first + row[b.end :]
    return b"".join(lines), f"{one} {other}", f"{one} and {other} changed for each other"


def _fields(random: Random, text: Text) -> list[str]:
    found = [c.field for c in text.cells(random.choice(text.records)) if c.field != DESCRIPTION] if text.records else []
    if len(found) < 2:
        raise NotPossibleError
    return found


def _line_drop(random: Random, text: Text) -> Change:
    return _without(text, _record(random, text), 1)


def _lines_drop(random: Random, text: Text) -> Change:
    return _without(text, _record(random, text), random.choice((2, 5, 20, 100, 500)))


def _without(text: Text, first: int, count: int) -> Change:
    lines = [line for i, line in enumerate(text.lines) if not first <= i < first + count]
    return b"".join(lines), "", f"{count} lines gone from line {first + 1} on"


def _line_double(random: Random, text: Text) -> Change:
    at = _record(random, text)
    lines = list(text.lines)
    lines.insert(random.choice((at, _record(random, text))), lines[at])
    return b"".join(lines), "", f"line {at + 1} twice"


def _lines_double(random: Random, text: Text) -> Change:
    at, count = _record(random, text), random.choice((3, 10, 100))
    lines = list(text.lines)
    return b"".join(lines[: at + count] + lines[at:]), "", f"{count} lines from {at + 1} on twice"


def _line_swap(random: Random, text: Text) -> Change:
    one, other = _record(random, text), _record(random, text)
    lines = list(text.lines)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines), "", f"lines {one + 1} and {other + 1} changed for each other"


def _line_move(random: Random, text: Text) -> Change:
    one = _record(random, text)
    lines = list(text.lines)
    moved = lines.pop(one)
    to = random.randrange(len(lines))
    lines.insert(to, moved)
    return b"".join(lines), "", f"line {one + 1} moved to {to + 1}"


def _line_join(random: Random, text: Text) -> Change:
    at = _record(random, text)
    lines = list(text.lines)
    lines[at] = lines[at].rstrip(b"\r\n")
    return b"".join(lines), "", f"no line end after line {at + 1}"


def _cut_line(random: Random, text: Text) -> Change:
    at = random.choice((_record(random, text), text.records[-random.randint(1, min(20, len(text.records)))]))
    return b"".join(text.lines[:at]), "", f"cut before line {at + 1} of {len(text.lines)}"


def _cut_byte(random: Random, text: Text) -> Change:
    data, at = _anywhere(random, text)
    return data[:at], "", f"cut at byte {at} of {len(data)}"


def _cut_head(random: Random, text: Text) -> Change:
    first, count = text.records[0] if text.records else 0, random.choice((1, 3, 50))
    return _without(text, first, min(count, len(text.records) - 1))


def _record(random: Random, text: Text) -> int:
    if not text.records:
        raise NotPossibleError
    return random.choice(text.records)


# --- what is done to an archive ---------------------------------------------------------------------------------


def _in_file(change: OfText) -> Callable[[str, Random, Source], Mutant]:
    def made(kind: str, random: Random, source: Source) -> Mutant:
        file = random.choice(source.files)
        if file.format == "xlsx":
            data, field, told = _in_sheet(random, file)
        else:
            data, field, told = change(random, text_of(file))
        return _replaced(kind, source, file, file.name, data, told, field=field)

    return made


def _by_size(change: OfText) -> Callable[[str, Random, Source], Mutant]:
    def made(kind: str, random: Random, source: Source) -> Mutant:
        texts = [f for f in source.files if f.format != "xlsx"]
        if not texts:
            raise NotPossibleError
        file = random.choices(texts, [len(f.data) for f in texts])[0]
        data, field, told = change(random, text_of(file))
        return _replaced(kind, source, file, file.name, data, told, field=field)

    return made


def _in_sheet(random: Random, file: Original) -> Change:
    """Change one digit of a cell of a workbook, sheet or shared text, and pack it anew."""
    if file.data[:2] != b"PK":
        raise NotPossibleError
    with zipfile.ZipFile(io.BytesIO(file.data)) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    name = random.choice([n for n in parts if n.startswith("xl/worksheets/sheet") or n == "xl/sharedStrings.xml"])
    cells = [m.span(1) for m in re.finditer(rb"<(?:v|t)[^>]*>([^<]*\d[^<]*)</", parts[name])]
    if not cells:
        raise NotPossibleError
    start, end = random.choice(cells)
    at = start + random.choice(_digits(parts[name][start:end]))
    new = random.choice([d for d in b"0123456789" if d != parts[name][at]])
    told = f"{name} byte {at} {chr(parts[name][at])} to {chr(new)}"
    parts[name] = parts[name][:at] + bytes([new]) + parts[name][at + 1 :]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
        for part, data in parts.items():
            book.writestr(zipfile.ZipInfo(part), data)
    return packed.getvalue(), "", told


def _foreign(kind: str, random: Random, source: Source) -> Mutant:
    """Put another release's file in the place of this one's."""
    file, archive, other = _stray(random, source)
    data, name, told = other.data, file.name, f"{other.name} of {archive}"
    if kind == "member.retitled":
        if file.format == "xlsx":
            raise NotPossibleError
        mine, theirs = text_of(file), text_of(other)
        if not mine.records or not theirs.records or mine.layout != theirs.layout:
            raise NotPossibleError
        head, rest = mine.lines[: mine.records[0]], theirs.lines[theirs.records[0] :]
        data, told = b"".join((*head, *rest)), f"{told}, under its own title"
    elif kind == "member.named":
        name = other.name
    return _replaced(kind, source, file, name, data, told)


def _beside(kind: str, random: Random, source: Source) -> Mutant:
    file, archive, other = _stray(random, source)
    if other.name in {f.name for f in source.files}:
        raise NotPossibleError
    files = (*((f.name, f.data) for f in source.files), (other.name, other.data))
    return Mutant(kind, source.label, other.name, file.member, "", f"{other.name} of {archive} as one more", files)


def _stray(random: Random, source: Source) -> tuple[Original, str, Original]:
    file = random.choice(source.files)
    archive = random.choice(sources_beside(source.archive) or [""])
    if not archive:
        raise NotPossibleError
    fits = [f for f in load(archive) if (f.member, f.format) == (file.member, file.format) and f.data != file.data]
    if not fits:
        raise NotPossibleError
    return file, archive, random.choice(fits)


def _participant(kind: str, random: Random, source: Source) -> Mutant:
    pairs = [
        (a, b) for a in source.files for b in source.files
        if (a.member, a.format) == (b.member, b.format) and a.participant != b.participant
    ]  # fmt: skip
    if not pairs:
        raise NotPossibleError
    file, other = random.choice(pairs)
    return _replaced(kind, source, file, file.name, other.data, f"{other.name} under its name")


def _absent(kind: str, random: Random, source: Source) -> Mutant:
    file = random.choice(source.files)
    files = tuple((f.name, f.data) for f in source.files if f is not file)
    return Mutant(kind, source.label, file.name, file.member, "", "left out", files)


def _label(kind: str, random: Random, source: Source) -> Mutant:
    year, quarter = int(source.label[3:5]), source.label[5]
    if kind == "label.quarter":
        label = f"RVU{year:02}{random.choice([q for q in 'ABCD' if q != quarter])}"
    else:
        label = f"RVU{year + random.choice((-2, -1, 1, 2)):02}{quarter}"
    return Mutant(kind, label, "", "", "", f"built as {label}", tuple((f.name, f.data) for f in source.files))


def _replaced(
    kind: str, source: Source, file: Original, name: str, data: bytes, told: str, *, field: str = ""
) -> Mutant:
    if data == file.data:
        raise NotPossibleError
    files = tuple((name, data) if f is file else (f.name, f.data) for f in source.files)
    return Mutant(kind, source.label, name, file.member, field, told, files)


KINDS: dict[str, tuple[int, Callable[[str, Random, Source], Mutant]]] = {
    "byte.set": (8, _in_file(_byte_set)),
    "byte.drop": (4, _in_file(_byte_drop)),
    "byte.insert": (4, _in_file(_byte_insert)),
    "digit.set": (24, _in_file(_of_cell(_digit_set))),
    "digit.swap": (6, _in_file(_of_cell(_digit_swap))),
    "digit.point": (3, _in_file(_of_cell(_digit_point))),
    "cell.blank": (4, _in_file(_of_cell(_cell_blank))),
    "cell.copy": (8, _in_file(_of_cell(_cell_copy))),
    "cell.error": (3, _in_file(_of_cell(_cell_error))),
    "cell.letter": (3, _in_file(_of_cell(_cell_letter))),
    "column.shift": (2, _in_file(_column_shift)),
    "column.swap": (2, _in_file(_column_swap)),
    "line.drop": (5, _in_file(_line_drop)),
    "line.double": (1, _in_file(_line_double)),
    "line.swap": (1, _in_file(_line_swap)),
    "line.move": (1, _in_file(_line_move)),
    "line.join": (2, _in_file(_line_join)),
    "lines.drop": (4, _in_file(_lines_drop)),
    "lines.double": (1, _in_file(_lines_double)),
    "cut.line": (8, _in_file(_cut_line)),
    "cut.byte": (3, _in_file(_cut_byte)),
    "cut.head": (2, _in_file(_cut_head)),
    "member.foreign": (5, _foreign),
    "member.named": (4, _foreign),
    "member.retitled": (3, _foreign),
    "member.participant": (2, _participant),
    "member.beside": (2, _beside),
    "member.absent": (1, _absent),
    "label.quarter": (2, _label),
    "label.year": (2, _label),
}
BYTES: dict[str, tuple[int, Callable[[str, Random, Source], Mutant]]] = {
    "byte.set": (2, _by_size(_byte_set)),
    "byte.drop": (1, _by_size(_byte_drop)),
    "byte.insert": (1, _by_size(_byte_insert)),
    "digit.any": (4, _by_size(_digit_any)),
}
