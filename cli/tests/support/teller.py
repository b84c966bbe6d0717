# SPDX-License-Identifier: MIT OR Apache-2.0
"""A program that tells what befalls it: each signal that it was asked to watch, with how often it
came, and each line of its input. It ends with its input, with status 7.

python3 teller.py [--to-group SIGNAL] [SIGNAL ...]

A shell's trap would not do: a signal that comes just before the shell waits for a line is not told
of until the line is there. Here a thread waits for the signals themselves.
"""

import os
import resource
import signal
import sys
import threading
from collections import Counter


def number(name: str) -> int:
    """USR1, RTMIN+1."""
    base, _, offset = name.partition("+")
    return int(getattr(signal, f"SIG{base}")) + int(offset or 0)


def main(arguments: list) -> None:
    # One that is killed is to leave no core.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    to_group = number(arguments[1]) if arguments[:1] == ["--to-group"] else None
    watched = {number(name): name for name in arguments[2 if to_group else 0 :]}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    # Python begins with a handler for SIGINT; one that is not watched is to do what it usually does.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    counts = Counter()
    mutex = threading.Lock()

    def tell(text: str) -> None:
        os.write(1, f"{text}\n".encode())

    def watch() -> None:
        while True:
            name = watched[signal.sigwait(watched)]
            with mutex:
                counts[name] += 1
                tell(f"{name} {counts[name]}")

    if watched:
        threading.Thread(target=watch, daemon=True).start()
    tell(f"ready {os.getpid()}")
    if to_group:
        os.kill(0, to_group)
    for line in sys.stdin.buffer:
        with mutex:
            tell(f"got {line.decode().rstrip()}: {dict(counts)}")
    os._exit(7)


main(sys.argv[1:])
