"""How many of something, as a person says it."""


def count(number: int, one: str) -> str:
    """Return a number and its noun, given in the singular, of which the plural has an s.

    >>> count(1, "row"), count(0, "row"), count(1240, "file")
    ('1 row', '0 rows', '1,240 files')
    """
    return f"{number:,} {one}{'' if number == 1 else 's'}"
