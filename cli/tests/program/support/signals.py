# SPDX-License-Identifier: MIT OR Apache-2.0
"""Prints each watched signal with its count, and each line of its input. Ends with its input, with
exit status 7.

python3 signals.py [--to-group SIGNAL] [SIGNAL ...]

A shell's trap would not work: the shell runs it only after the next line of input. Here a thread waits
for the signals.
"""

import os
import resource
import signal
import sys
import threading
from collections import Counter


def number(name: str) -> int:
    """Returns the number of a signal, such as USR1 or RTMIN+1."""
    base, _, offset = name.partition("+")
    return int(getattr(signal, f"SIG{base}")) + int(offset or 0)


def main(arguments: list) -> None:
    # Prevents a core dump.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    to_group = number(arguments[1]) if arguments[:1] == ["--to-group"] else None
    watched = {number(name): name for name in arguments[2 if to_group else 0 :]}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    # Replaces Python's handler, so that SIGINT kills the program unless it is watched.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    counts = Counter()
    mutex = threading.Lock()

    def output(text: str) -> None:
        os.write(1, f"{text}\n".encode())

    def watch() -> None:
        while True:
            name = watched[signal.sigwait(watched)]
            with mutex:
                counts[name] += 1
                output(f"{name} {counts[name]}")

    if watched:
        threading.Thread(target=watch, daemon=True).start()
    output(f"ready {os.getpid()}")
    if to_group:
        os.kill(0, to_group)
    for line in sys.stdin.buffer:
        with mutex:
            output(f"got {line.decode().rstrip()}: {dict(counts)}")
    os._exit(7)


main(sys.argv[1:])
