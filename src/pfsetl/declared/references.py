"""What one file of declarations names has to exist in another one: a release, a state, a field, a table."""

from collections.abc import Callable, Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pfsetl.declared import quarters
from pfsetl.declared.cells import one_of
from pfsetl.declared.records.sheet import Key, Reference, Sheet, cell

CONTRACT = "contract"
# The words that stand in a column of a file, of rows alone that have a value in another column where it's given.
Names = Callable[[str, str, tuple[str, str] | None], Collection[str]]


def dangling(
    sheet: Sheet[Any], rows: Mapping[Key, Any], names: Names, is_own: Callable[[Key], bool]
) -> Iterator[tuple[Key, str]]:
    """Yield the rows that name what isn't declared, with what to do; `names` are the words of a file's column.

    A row of your own may name a release that CMS's rule gives a label and that nobody has declared yet.
    """
    for reference in sheet.refers:
        for key, row in rows.items():
            for word in _words(row, reference):
                known = (_names(place, reference, row, names) for place in reference.places)
                beside = any(fnmatchcase(word, other) for other in reference.besides)
                if beside or any(_is_there(word, one, reference.patterns) for one in known):
                    continue
                if is_own(key) and ("releases.csv", "release") in reference.places and _to_come(word, names):
                    continue
                yield key, _said(word, reference, row, names)


def _words(row: Any, reference: Reference) -> tuple[str, ...]:
    if reference.only and cell(row, reference.only[0]) not in reference.only[1:]:
        return ()
    value = cell(row, reference.column)
    if isinstance(value, tuple):
        return value
    return (str(value),) if value not in (None, "") else ()


def _is_there(word: str, known: Collection[str], patterns: bool) -> bool:
    return word in known or (patterns and any(fnmatchcase(name, word) for name in known))


def _names(place: tuple[str, str], reference: Reference, row: Any, names: Names) -> Collection[str]:
    file, column = place
    if file != CONTRACT:
        return names(file, column, reference.of)
    from pfsetl.declared import contracts

    if column == "table":
        return [*contracts.load().tables, *contracts.descriptors().tables]
    if column == "rule":
        found = [t for t in contracts.load().tables.values() if fnmatchcase(t.name, row.member)]
        return [rule.name for table in found for rule in table.rules]
    table = contracts.find_table(row.table)
    return table.schema.names() if table else ()


def _to_come(word: str, names: Names) -> bool:
    """Return whether a label, or a pattern of labels, can be of a quarter of which no release is declared."""
    taken = {quarters.of_label(label) for label in names("releases.csv", "release", None)}
    if told := quarters.of_label(word):
        return told not in taken
    free = (f"RVU{year:02}{letter}" for year in range(100) for letter in "ABCD")
    return any(fnmatchcase(label, word) and quarters.of_label(label) not in taken for label in free)


def _said(word: str, reference: Reference, row: Any, names: Names) -> str:
    known = dict.fromkeys(name for place in reference.places for name in sorted(_names(place, reference, row, names)))
    known |= dict.fromkeys(reference.besides)
    files = dict.fromkeys("the contract" if file == CONTRACT else file for file, _ in reference.places)
    where = f", which {' and '.join(files)} {'have' if len(files) > 1 else 'has'}" if files else ""
    lacking = [file for file in files if file.endswith(".csv")]
    remedy = f"Correct it, or add its row to {' or '.join(lacking)}" if lacking else "Correct it"
    return f"{reference.column} {one_of(word, known, where, remedy)}"
