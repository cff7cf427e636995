"""Tiny releases to publish, in this process or in others."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from pfsetl.declared import contracts
from pfsetl.publication import publish, staging, version
from pfsetl.publication.manifest import FORMAT, About, Manifest, Resource
from pfsetl.publication.release_record import ArchiveRecord, ReleaseRecord
from pfsetl.publication.staging import StagedRelease
from pfsetl.publication.version import Version
from pfsetl.storage.folder import LocalStore
from pfsetl.storage.opening import open_store
from pfsetl.storage.store import Store

CONTRACT = contracts.load()
TABLE = CONTRACT.tables["conversion_factor"]
RECORD = ReleaseRecord(
    year=2025,
    quarter=1,
    revision=1,
    archive=ArchiveRecord(name="", sha256="", content=""),
    fingerprint="",
    content="",
    all_formats=False,
    sample=False,
    rvu_rows=0,
)


def enums(frame: pl.DataFrame) -> pl.DataFrame:
    """A table whose text is Enums of what occurs in the whole of it, as that of a table which is made in parts."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(frame[name].cast(pl.Enum(frame[name].drop_nulls().unique().sort())) for name in texts)


def record(label: str, **fields: Any) -> ReleaseRecord:
    """The record of a release whose label says its quarter."""
    quarter = {"year": 2000 + int(label[3:5]), "quarter": "ABCD".index(label[5]) + 1}
    return replace(RECORD, **quarter, **fields)


def holding(store: Store, records: Mapping[str, ReleaseRecord], resources: Sequence[Resource] = ()) -> Version:
    """A first version that holds these releases and files, without a manifest in the store."""
    about = About(format=FORMAT, releases=records)
    return Version(store, 1, Manifest(created="", resources=tuple(resources), pfsetl=about))


def factor(release: str, value: str) -> pl.DataFrame:
    """The conversion_factor table of a release with one factor."""
    row: dict[str, Any] = dict.fromkeys(TABLE.schema)
    return pl.DataFrame(
        [row | {"release": release, "participant": "all", "conversion_factor": Decimal(value)}], schema=TABLE.schema
    )


def staged(store: Store, release: str = "RVU25A", value: str = "32.3465") -> StagedRelease:
    """Stage a release of one table and one row."""
    return staging.stage(store, release, {"conversion_factor": factor(release, value)}, RECORD, CONTRACT)


def published(store: Store, release: str = "RVU25A", value: str = "32.3465", base: Version | None = None) -> Version:
    """Publish a release of one table and one row."""
    base = base or version.open_version(store)
    return publish.commit(store, [staged(store, release, value)], base, CONTRACT)


def factors(at: Version) -> dict[str, str]:
    """What a version says the factor of each release is."""
    frame = at.scan("conversion_factor").select("release", pl.col("conversion_factor").cast(pl.String)).collect()
    return dict(frame.iter_rows())


class NaiveStore(LocalStore):
    """What is usually done: look whether the name is free, write beside it, rename. Two may both find it free."""

    def put_new(self, name: str, content: bytes | Path) -> bool:
        target = self.root / name
        if target.exists():
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.read_bytes())
            os.fsync(file.fileno())
        Path(temporary).replace(target)
        return True


def publish_in_turn(connection: Connection, address: str, name: str, count: int, kind: str = "") -> None:
    """Say `ready`, wait for a word, publish so many releases of one's own, and send each version's number."""
    store = NaiveStore(Path(address)) if kind == "naive" else open_store(address)
    connection.send("ready")
    connection.recv()
    for number in range(count):
        connection.send(published(store, f"{name}{number:02d}").number)
