"""Records are read by several threads at once, also the first of a kind."""

import re
import subprocess
import sys
from pathlib import Path

import pfsetl

# The first reading of Outer begins, and waits in the midst of it for a second one to begin.
AT_ONCE = """
import threading
from pfsetl.publication.json_records import Record, decoder, record_of

midst, begun, read = threading.Event(), threading.Event(), []

def pause():
    midst.set()
    begun.wait(10)
    threading.Event().wait(0.2)
    return int

class Inner(Record, frozen=True):
    number: "pause()"

class Outer(Record, frozen=True):
    inner: Inner

def second():
    midst.wait(10)
    begun.set()
    read.append({second})

thread = threading.Thread(target=second)
thread.start()
read.append(record_of(Outer, {{"inner": {{"number": 1}}}}))
thread.join()
print(*sorted(one.inner.number for one in read))
"""


def test_two_threads_may_read_the_first_of_a_kind_at_once() -> None:
    for second in ('record_of(Outer, {"inner": {"number": 2}})', 'decoder(Outer).decode(b\'{"inner":{"number":2}}\')'):
        command = [sys.executable, "-c", AT_ONCE.format(second=second)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, "1 2\n"), done.stderr


def test_msgspec_is_asked_to_read_a_class_in_this_module_alone() -> None:
    asks = re.compile(r"msgspec\.convert\(|json\.Decoder\(|json\.decode\([^)]*type=(?!dict|list)")
    asking = [path.name for path in Path(pfsetl.__file__).parent.rglob("*.py") if asks.search(path.read_text())]
    assert asking == ["json_records.py"]
