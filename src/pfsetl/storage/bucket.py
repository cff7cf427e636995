"""A store in a bucket of S3, or of what speaks its protocol and honours conditional writes (`If-None-Match: *`).

Addresses are `s3://bucket/prefix`; endpoint, region and credentials are those of the environment (`aws`).
"""

import mmap
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError, PermissionDeniedError
from obstore.store import ObjectStore as Bucket
from obstore.store import S3Store

from pfsetl.errors import StoreError, UsageError
from pfsetl.storage import aws
from pfsetl.storage.store import refuse_large

SINGLE_PUT_BYTES = 32 << 20
PART_BYTES = 8 << 20
CHUNK_BYTES = 4 << 20
ATTEMPTS = 3
FRESH_SECONDS = 60 * 60  # far below the day after which a prune may take an object
TIMEOUT = "120s"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A bucket, or a part of one. Objects appear complete or not at all, and only where none was before.

    `bucket` is an obstore store; `storage_options` is what polars needs to read the same place.
    """

    address: str
    bucket: Bucket = field(hash=False)  # the address stands for it
    storage_options: Mapping[str, str] | None = field(default=None, repr=False, hash=False)  # holds the secret
    _proven: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __str__(self) -> str:
        return self.address

    def put_new(self, name: str, content: bytes | Path) -> bool:
        """Create an object; False when the name is taken by something else, which then stays as it is.

        A write whose answer was lost, and whose repetition is refused, is told by its bytes: they are there.
        """
        with aws.explained(self.address, name):
            self._require("write", self._write_twice)
            if isinstance(content, bytes):
                return self._create(name, content) or self.get(name) == content
            size = content.stat().st_size
            if size > SINGLE_PUT_BYTES:
                return self._upload(name, content)
            if not size:
                return self._create(name, b"")
            with content.open("rb") as file:
                # NOTE: sent from the disk's own pages, and not closed here, because a request may still hold them.
                return self._create(name, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def put(self, name: str, content: bytes | Path) -> None:
        """Write an object, whatever is there: for what its name tells the bytes of, or may be lost."""
        with aws.explained(self.uri(name)):
            obstore.put(self.bucket, name, content)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield the path of a temporary file on this machine, removed afterwards."""
        try:
            folder = tempfile.TemporaryDirectory(prefix="pfsetl-", ignore_cleanup_errors=True)
        except OSError as error:
            raise StoreError(f"no temporary folder: {error.strerror}. Name one with space in TMPDIR.") from error
        with folder as name:
            yield Path(name, "object")

    def get(self, name: str) -> bytes:
        """Return an object's bytes; raises StoreError when it isn't there."""
        with aws.explained(self.address, name):
            found = obstore.get(self.bucket, name)
            refuse_large(self.uri(name), found.meta["size"])
            return bytes(found.bytes())

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield an object's bytes in pieces; raises StoreError when it isn't there."""
        with aws.explained(self.address, name):
            for chunk in obstore.get(self.bucket, name).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def exists(self, name: str) -> bool:
        """Return whether an object of this name is there."""
        return self._head(name) is not None

    def size(self, name: str) -> int | None:
        """Return an object's number of bytes, None when it isn't there."""
        head = self._head(name)
        return head["size"] if head else None

    def age(self, name: str) -> float | None:
        """Return the seconds since an object was written or freshened, None when it isn't there."""
        head = self._head(name)
        return (datetime.now(UTC) - head["last_modified"]).total_seconds() if head else None

    def freshen(self, name: str) -> bool:
        """Make an object count as new, because a build relies on it from now on; False when it isn't there.

        A bucket can't touch an object: one that isn't young is written again with the bytes it has.
        """
        age = self.age(name)
        if age is not None and age > FRESH_SECONDS:
            data = self.get(name)
            with aws.explained(self.address, name):
                obstore.put(self.bucket, name, data)
        return age is not None

    def names(self, folder: str) -> list[str]:
        """Return the names of the objects directly in a folder, sorted."""
        with aws.explained(self.address, folder):
            found = (entry["path"] for entry in obstore.list_with_delimiter(self.bucket, folder)["objects"])
            return sorted(path for path in found if path.startswith(f"{folder}/"))  # some list the folder itself too

    def delete(self, name: str) -> None:
        """Remove an object; nothing happens when it isn't there."""
        with aws.explained(self.address, name), suppress(FileNotFoundError):
            obstore.delete(self.bucket, name)

    def uri(self, name: str) -> str:
        """Return the address under which Parquet readers find an object."""
        return f"{self.address}/{name}"

    def show_tree(self, version: int, files: dict[str, str]) -> None:
        """Do nothing: a bucket has no links. Readers take the addresses from `Version.files` or the manifest."""

    def trees(self) -> list[int]:
        """Return none: nothing is laid out in a bucket."""
        return []

    def hide_tree(self, version: int) -> None:
        """Do nothing: there is no layout."""

    def _head(self, name: str) -> "obstore.ObjectMeta | None":
        with aws.explained(self.address, name), suppress(FileNotFoundError):
            return obstore.head(self.bucket, name)
        return None

    def _create(self, name: str, content: bytes | mmap.mmap) -> bool:
        """Write an object in one request, which the server refuses where the name is taken."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                obstore.put(self.bucket, name, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
            except (PermissionDeniedError, NotSupportedError):
                raise
            except BaseError:
                # NOTE: obstore doesn't repeat a conditional write that had no answer in time; it may have been done.
                if attempt == ATTEMPTS:
                    raise
                time.sleep(attempt / 5)
            else:
                return True
        return False

    def _upload(self, name: str, path: Path) -> bool:
        """Send a large file in parts under a name of its own, then copy it to where nothing may be yet.

        Parts can't be put together on condition with obstore, but what they made can be copied on condition.
        """
        self._require("copy", self._copy_twice)
        temporary = _own_name()
        try:
            obstore.put(self.bucket, temporary, path, use_multipart=True, chunk_size=PART_BYTES, max_concurrency=4)
            obstore.copy(self.bucket, temporary, name, overwrite=False)
        except AlreadyExistsError:
            return False
        finally:
            self._discard(temporary)
        return True

    def _require(self, what: str, do_twice: Callable[[str], None]) -> None:
        """Find out, once a process, whether the server refuses to do a thing where a name is taken."""
        if what in self._proven:
            return
        name = _own_name()
        try:
            do_twice(name)
        except AlreadyExistsError:
            self._proven.add(what)
        else:
            raise StoreError(
                f"{self}: this server ignores conditions on a {what} (If-None-Match), so builds at the same time would "
                "overwrite each other. Use a server with conditional writes, or a folder."
            )
        finally:
            self._discard(name)

    def _write_twice(self, name: str) -> None:
        # NOTE: a refusal of the first is its own repetition within obstore; nobody else has this name.
        self._create(name, b"once")
        obstore.put(self.bucket, name, b"twice", mode="create")

    def _copy_twice(self, name: str) -> None:
        source = _own_name()
        try:
            obstore.put(self.bucket, source, b"once")
            with suppress(AlreadyExistsError):
                obstore.copy(self.bucket, source, name, overwrite=False)
            obstore.copy(self.bucket, source, name, overwrite=False)
        finally:
            self._discard(source)

    def _discard(self, temporary: str) -> None:
        # NOTE: what can't be removed is a private name that nothing refers to; the publication doesn't fail of it.
        with suppress(BaseError, FileNotFoundError):
            obstore.delete(self.bucket, temporary)


def open_bucket(address: str) -> ObjectStore:
    """Return the store at `s3://bucket/prefix`, the same one each time; nothing is asked of the server yet."""
    scheme, _, place = address.partition("://")
    name, _, prefix = place.rstrip("/").partition("/")
    if scheme != "s3" or not name:
        raise UsageError(f"{address}: not the address of a bucket. Write s3://bucket/prefix, as text.")
    return _opened(name, prefix, tuple(aws.settings().items()))


@cache
def _opened(bucket: str, prefix: str, settings: tuple[tuple[str, str], ...]) -> ObjectStore:
    address = f"s3://{bucket}/{prefix}".rstrip("/")
    options = dict(settings)
    plain_http = options.get("aws_endpoint_url", "").startswith("http://")
    with aws.explained(address):
        there = S3Store(
            bucket,
            prefix=prefix or None,
            config={"copy_if_not_exists": os.environ.get("AWS_COPY_IF_NOT_EXISTS", "multipart"), **options},  # type: ignore[arg-type]
            client_options={"allow_http": plain_http, "connect_timeout": "5s", "timeout": TIMEOUT},
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
        )
    return ObjectStore(address, there, options | ({"aws_allow_http": "true"} if plain_http else {}))


def _own_name() -> str:
    return f"tmp/{uuid.uuid4()}"
