"""A program with several threads gets from all of them what one alone would get, from its first call on."""

import subprocess
import sys
from pathlib import Path

# Threads take turns as often as can be, and nothing has been read or imported before.
ASK = """
import sys
from concurrent.futures import ThreadPoolExecutor
import pfsetl

store = sys.argv[1]
ASKED = [
    lambda: str(pfsetl.price("G0101", "2026-02-01", locality="CA/18", output=store)),
    lambda: str(pfsetl.claim([{"hcpcs": "G0101", "date": "2026-02-01", "locality": "CA/18"}], output=store)),
    lambda: pfsetl.history("G0101", output=store).frame.write_csv(),
    lambda: pfsetl.profile("G0101", output=store).frame.write_json(),
    lambda: pfsetl.open(store).scan("gpci").collect().write_csv(),
]
sys.setswitchinterval(0.000001)
with ThreadPoolExecutor(4) as threads:
    told = list(threads.map(lambda at: ASKED[at % 5](), range(20)))
assert told == [one() for one in ASKED] * 4
print("the same")
"""


def test_several_threads_are_told_what_one_is_told(demo: Path) -> None:
    command = [sys.executable, "-c", ASK, str(demo)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "the same\n"), done.stderr
