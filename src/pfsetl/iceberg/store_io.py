"""How pyiceberg reads and writes the metadata of tables in a store, whose readers know it under another address."""

import hashlib
from io import BytesIO

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from pfsetl.storage.store import Store


class StoreIO(FileIO):
    """Files whose addresses begin with `base`; `written` has the sha256 of each that was written, by its name."""

    def __init__(self, store: Store, base: str) -> None:
        super().__init__()
        self.store, self.base = store, base
        self.written: dict[str, str] = {}

    def name(self, location: str) -> str:
        """Return the name in the store of what has an address."""
        return location.removeprefix(f"{self.base}/")

    def address(self, name: str) -> str:
        """Return the address under which readers find what has a name in the store."""
        return f"{self.base}/{name}"

    def new_input(self, location: str) -> InputFile:
        """Return a file to read."""
        return _Input(location, self)

    def new_output(self, location: str) -> OutputFile:
        """Return a file to write, which appears whole when it's closed."""
        return _Output(location, self)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove a file."""
        self.store.delete(self.name(location if isinstance(location, str) else location.location))


class _Input(InputFile):
    def __init__(self, location: str, io: StoreIO) -> None:
        super().__init__(location)
        self._io, self._name = io, io.name(location)

    def __len__(self) -> int:
        return self._io.store.size(self._name) or 0

    def exists(self) -> bool:
        return self._io.store.exists(self._name)

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002 - pyiceberg's signature
        return BytesIO(self._io.store.get(self._name))


class _Output(OutputFile):
    def __init__(self, location: str, io: StoreIO) -> None:
        super().__init__(location)
        self._io, self._name, self._bytes = io, io.name(location), 0

    def __len__(self) -> int:
        return self._bytes

    def exists(self) -> bool:
        return self._io.store.exists(self._name)

    def to_input_file(self) -> InputFile:
        return _Input(self.location, self._io)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002 - each name is written once
        return _Stream(self)

    def keep(self, content: bytes) -> None:
        self._io.store.put_new(self._name, content)
        self._io.written[self._name] = hashlib.sha256(content).hexdigest()
        self._bytes = len(content)


class _Stream(BytesIO):
    """Bytes that become an object when they're complete."""

    def __init__(self, file: _Output) -> None:
        super().__init__()
        self._file = file

    def close(self) -> None:
        if not self.closed:
            self._file.keep(self.getvalue())
        super().close()
