"""One code as a page in one file: its data inside, for a disk or a letter."""

import json
import re
from pathlib import Path

import polars as pl

from pfsetl.errors import StoreError, UsageError
from pfsetl.pricing.lookup import near_codes
from pfsetl.publication.published import labels_in_order
from pfsetl.publication.version import Version
from pfsetl.site import made, shell, texts

MARK = b'<meta name="generator" content="pfsetl">'  # of the pages that may be written over


def page(version: Version, code: str, descriptors: Version | None = None) -> bytes:
    """Return the page of one code; raises UsageError for a code that no release of the version has."""
    wanted = "".join(code.split()).upper()
    order = labels_in_order(version)
    if whole := re.fullmatch(r"([0-9A-Z]{5})-[0-9A-Z]{2}", wanted):
        raise UsageError(f"{wanted}: the page of {whole[1]} has every modifier. Name {whole[1]}.")
    if order and version.scan("rvu").filter(pl.col("hcpcs") == wanted).head(1).collect().is_empty():
        raise UsageError(
            f"{wanted}: in no release of version {version.number}. {near_codes(version, order[-1], wanted)}"
        )
    text = texts.together(version, descriptors).get(wanted)
    told, files = b"", []
    for path, content in made.data(version, wanted, {wanted: text} if text else {}, licensed=descriptors is not None):
        if path == made.BASE:
            told = content
        else:
            files.append(f"{json.dumps(path)}:{content.decode().strip()}")
    return shell.single_page(told, ("{" + ",\n".join(files) + "}").encode(), wanted)


def write(content: bytes, file: Path) -> None:
    """Write a page, over one of an earlier time or anew; raises UsageError where something else is there."""
    if file.exists() and (not file.is_file() or MARK not in file.read_bytes()[:4096]):
        raise UsageError(f"{file}: there already, and not a page that pfsetl made. Name another file.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise StoreError(f"{error.filename or file}: {error.strerror}. Check path and space.") from error
