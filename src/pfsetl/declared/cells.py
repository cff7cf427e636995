"""Cells of declarations to values, as the record of their file types them; whatever doesn't fit is refused."""

import difflib
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import polars as pl

from pfsetl.declared.records.sheet import Fits, LinearPattern, Within
from pfsetl.errors import shown

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_YES_NO = {"true": True, "yes": True, "false": False, "no": False}
_MOST_NAMED = 40
_NO_LETTER = "\ufffd"  # what stands for bytes that couldn't be read
_YEARS = range(1965, 2100)  # Medicare began in the first


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: the name of its field in the record, how a cell is read, and what an empty one is.

    `read` raises ValueError that says what is wrong with a cell and what is allowed. `empty` is MISSING where a cell
    has to be filled.
    """

    field: str
    read: Callable[[str], Any]
    empty: Any


@cache
def columns(record: type) -> Mapping[str, Column]:
    """Return the columns of a record by their names in the file, in its order."""
    hints = get_type_hints(record, include_extras=True)
    return {
        field.name.rstrip("_"): Column(field.name, _reader(hints[field.name]), field.default)
        for field in fields(record)
    }


def _reader(hint: Any) -> Callable[[str], Any]:
    """Return what reads the cells of a column of a type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):  # of what may be empty
        return _reader(next(one for one in inner if one is not types.NoneType))
    if origin is Annotated and isinstance(inner[1], Within):
        return _within(inner[1], _READERS[inner[0]])
    if origin is Annotated:
        return _of_form(inner[1], _legible if inner[1].blanks else _READERS[inner[0]])
    if origin is Literal:
        return _one_of({str(one): one for one in inner})
    if origin is tuple:
        read = _reader(inner[0])
        return lambda text: tuple(read(word) for word in text.split())
    if origin is re.Pattern:
        return _pattern
    return _READERS[hint]


def one_of(text: str, known: Any, where: str = "", remedy: str = "Correct it") -> str:
    """Return what to say of a word that isn't one of those that are known, with what is near it."""
    names = [name or "empty" for name in known]
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.6)
    listed = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" * (len(names) > _MOST_NAMED))
    hint = f" Near: {', '.join(near)}." if near else ""
    return f"{shown(text)} is none of {listed}{where}.{hint} {remedy}."


def _one_of(known: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text not in known:
            raise ValueError(one_of(text, known))
        return known[text]

    return read


def _of_form(form: Fits, read: Callable[[str], Any]) -> Callable[[str], Any]:
    pattern, asked = re.compile(form.pattern), form.words or f"of the form {form.pattern}"

    def fitting(text: str) -> Any:
        if not pattern.fullmatch(text):
            raise ValueError(f"{shown(text)} isn't {asked}. Correct it.")
        return read(text)

    return fitting


def _within(bounds: Within, read: Callable[[str], Any]) -> Callable[[str], Any]:
    def fitting(text: str) -> Any:
        number = read(text)
        if number < bounds.least:
            raise ValueError(f"{shown(text)} is below {bounds.least}. Write {bounds.least} or more.")
        if number > bounds.most:
            raise ValueError(f"{shown(text)} is above {bounds.most:,}. Write {bounds.least} to {bounds.most:,}.")
        if len(text.partition(".")[2]) > bounds.decimals:
            raise ValueError(f"{shown(text)} has more than {bounds.decimals} decimals. Write it as 12.0000.")
        return number

    return fitting


def _text(text: str) -> str:
    if text != text.strip():
        raise ValueError(f"{shown(text)} begins or ends with blanks. Take them out.")
    return _legible(text)


def _legible(text: str) -> str:
    if not text.isprintable() or _NO_LETTER in text:
        odd = next(sign for sign in text if not sign.isprintable() or sign == _NO_LETTER)
        raise ValueError(f"{shown(text)} has the character U+{ord(odd):04X}, which can't be read. Take it out.")
    return text


def _int(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{shown(text)} isn't a whole number. Write it as 12.")
    return int(text)


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{shown(text)} isn't a number. Write it as 12 or 0.50.")
    return Decimal(text)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise ValueError(f"{shown(text)} isn't a day. Write it as 2026-01-31.")
    if day.year not in _YEARS:
        raise ValueError(
            f"{shown(text)} isn't a day of the years {_YEARS[0]} to {_YEARS[-1]}. Correct it; an end that isn't known "
            "is empty."
        )
    return day


def _bool(text: str) -> bool:
    if text not in _YES_NO:
        raise ValueError(one_of(text, _YES_NO))
    return _YES_NO[text]


def _pattern(text: str) -> re.Pattern[str]:
    _legible(text)
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"{shown(text)} isn't a regular expression: {error}. Put \\ before ( ) [ ] . * + ?") from error


def _linear(text: str) -> str:
    _pattern(text)
    try:
        pl.Series([""]).str.contains(text)
    except pl.exceptions.ComputeError as error:
        why = " ".join(str(error).split())
        raise ValueError(
            f"{shown(text)} can't be searched for in a column: {why}. Write it without (?= (?! (?<."
        ) from error
    return text


_READERS: Mapping[Any, Callable[[str], Any]] = {
    str: _text,
    int: _int,
    float: lambda text: float(_decimal(text)),
    Decimal: _decimal,
    date: _day,
    bool: _bool,
    LinearPattern: _linear,
}
