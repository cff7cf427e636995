"""What stands in for Python where processes of Prefect are started: asks the origin for one, and ends as that ends.

`origin.start` makes a program of this text. It is run without site-packages, because it has to start in a hundredth of
a second.
"""

import json
import os
import resource
import signal
import socket
import sys

SOCKET, PYTHON = "", ""  # written here by `origin.start`
PASSED_ON = (signal.SIGTERM, signal.SIGINT)

if sys.argv[1:2] not in (["-m"], ["-c"]):
    os.execv(PYTHON, [PYTHON, *sys.argv[1:]])
asked = {
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "program": os.getpid(),
    "folder": os.getcwd(),  # noqa: PTH109 - pathlib takes longer to import than all the rest
    "largest_file": resource.getrlimit(resource.RLIMIT_FSIZE),
    "python": os.path.abspath(__file__),  # noqa: PTH100
}
link = socket.socket(socket.AF_UNIX)
link.connect(f"\0{SOCKET}")
for number in PASSED_ON:
    signal.signal(number, lambda sent, _: link.sendall(bytes([sent])))
message = json.dumps(asked).encode()
socket.send_fds(link, [len(message).to_bytes(4, "big")], [0, 1, 2])
link.sendall(message)
answer = link.recv(4)
if not answer:
    sys.exit("the origin of this process has ended")
code = int.from_bytes(answer, "big", signed=True)
if code < 0:
    for number in PASSED_ON:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
