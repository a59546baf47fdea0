"""The process that a test starts in a command's place: `fork_client.py SOCKET MODULE ARGUMENT...`.

The client hands its working directory, environment and standard streams to the fork server, passes signals
on, and ends as the fork ends: with its exit status, or by the signal that ended it.
"""

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> int:
    path, module, *arguments = sys.argv[1:]
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    request = {
        "module": module, "arguments": arguments, "cwd": os.getcwd(), "environment": dict(os.environ),
    }  # fmt: skip
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
    for number in (0, 1, 2):  # only the fork holds them from here on
        os.close(number)
    answer = server.recv(16)
    status = int(answer) if answer else 1
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    os._exit(main())
