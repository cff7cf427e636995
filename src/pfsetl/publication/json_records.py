"""JSON files of a store as records: read strictly, and written so that the same content has the same bytes.

Fields that came later are `UNSET` in records that were written before them, which are written on as they are. A
field that a record doesn't have is refused with its path, so a new one raises the file's `FORMAT`.
"""

import json
from collections.abc import Mapping
from threading import Lock
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, UnsetType

Count = Annotated[int, Meta(ge=0)]
Later = UnsetType  # in the type of a field that older files don't have

R = TypeVar("R", bound="Record")
Kind = TypeVar("Kind")

_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_describing = Lock()


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a file: its fields are those of the JSON object, in the order of writing."""


def encoded(content: Record | Mapping[str, Any]) -> bytes:
    """Return a file's bytes, its names in the order of letters."""
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1) + b"\n"


def plain(content: Any) -> Any:
    """Return records as JSON's own types, for output and for files."""
    return json.loads(msgspec.json.encode(content))


def decoder(kind: type[Kind]) -> msgspec.json.Decoder[Kind]:
    """Return what reads JSON text as a kind, such as a Struct or a list of them.

    msgspec describes a class when it's first asked to read one, and a thread that asks while another's first is being
    answered ends the process with a segmentation fault (0.22). So all that is read here is described here.
    """
    with _describing:
        if kind not in _decoders:
            _decoders[kind] = msgspec.json.Decoder(kind)
        return _decoders[kind]


def convert(found: Any, kind: type[Kind]) -> Kind:
    """Return what JSON's own types say as a kind, as `decoder` reads text; raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(found, kind)


def record_of(kind: type[R], found: Any) -> R:
    """Return what JSON's own types say as a record; raises ValueError with the path of what doesn't fit."""
    try:
        return convert(found, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
