"""What a manifest has to look like: one strict reading of it, so that nothing in a foreign store is taken on trust."""

import json
import re
from collections.abc import Mapping
from typing import Any

from pfsetl.document import read_json
from pfsetl.errors import PfsetlError, StoreError
from pfsetl.publication.store import Store

FORMAT = 1
RESOURCE = {
    "table": str,
    "release": str,
    "path": str,
    "rows": int,
    "bytes": int,
    "hash": str,
    "digest": str,
    "schema": str,
}
RECORD = {
    "year": int,
    "quarter": int,
    "revision": int,
    "archive": dict,
    "fingerprint": str,
    "content": str,
    "all_formats": bool,
    "sample": bool,
    "rvu_rows": int,
}
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATH = re.compile(r"objects/[A-Za-z0-9_-]+/[A-Za-z0-9_.-]+\.parquet", re.ASCII)
_SCHEMA = re.compile(r"schemas/[A-Za-z0-9_.-]+\.json", re.ASCII)
_NUMBERED = re.compile(r"versions/([0-9]{6})\.json")


def name(number: int) -> str:
    """Return the object name of a version's manifest."""
    return f"versions/{number:06d}.json"


def number_of(file: str) -> int | None:
    """Return the version whose manifest has this object name, None for a name that no build writes."""
    match = _NUMBERED.fullmatch(file)
    return int(match[1]) if match and int(match[1]) else None


def encode(content: Mapping[str, Any]) -> bytes:
    """Return a manifest's bytes."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read(store: Store, number: int, data: bytes) -> dict[str, Any]:
    """Return the manifest that these bytes of a store are; raises StoreError for a damaged or a newer one."""
    place = f"{store}/{name(number)}"
    try:
        found = read_json(data)
        form = found["pfsetl"]["format"]
        if type(form) is not int:
            raise ValueError("its format is no number")
        if form <= FORMAT:
            _refuse_incomplete(found)
    except (PfsetlError, ValueError, KeyError, TypeError, AttributeError) as error:
        said = str(error).removeprefix(f"{place}: ").rstrip(".")
        raise StoreError(f"{place}: not a readable manifest ({said}). Restore it from a copy.") from error
    if form > FORMAT:
        raise StoreError(
            f"{place}: written by a newer pfsetl (manifest format {form}, this one reads {FORMAT}). Upgrade pfsetl."
        )
    return dict(found)


def is_resource(entry: Any) -> bool:
    """Whether an entry has all its fields, and paths that stay inside the store, a tree and an export."""
    if not isinstance(entry, dict) or not all(type(entry.get(field)) is kind for field, kind in RESOURCE.items()):
        return False
    inside = _PATH.fullmatch(entry["path"]) and _SCHEMA.fullmatch(entry["schema"])
    named = _NAME.fullmatch(entry["table"]) and _NAME.fullmatch(entry["release"])
    return bool(inside and named and min(entry["rows"], entry["bytes"]) >= 0)


def is_record(entry: Any) -> bool:
    """Whether a release's record has the fields that builds and prices rely on."""
    if not isinstance(entry, dict) or not all(type(entry.get(field)) is kind for field, kind in RECORD.items()):
        return False
    return bool(min(entry["revision"], entry["rvu_rows"]) >= 0)


def _refuse_incomplete(found: Mapping[str, Any]) -> None:
    about, resources = found["pfsetl"], found["resources"]
    if not isinstance(found["created"], str) or not isinstance(about["releases"], dict):
        raise ValueError("it isn't complete")
    if not isinstance(resources, list) or not all(map(is_resource, resources)):
        raise ValueError("a resource isn't complete, or its path leads elsewhere")
    for label, entry in about["releases"].items():
        if not _NAME.fullmatch(label) or not is_record(entry):
            raise ValueError("the record of a release isn't complete")
    shown = [(r["table"], r["release"]) for r in resources]
    if len(set(shown)) < len(shown) or not {release for _, release in shown} <= about["releases"].keys():
        raise ValueError("a table is there twice, or of a release that has no record")
