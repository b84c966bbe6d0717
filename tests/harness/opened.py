# SPDX-License-Identifier: MIT OR Apache-2.0
"""Records which files of a directory any process opens (inotify(7))."""

import ctypes
import os
import struct
from pathlib import Path

IN_OPEN = 0x20
IN_ISDIR = 0x40000000
HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name

libc = ctypes.CDLL(None, use_errno=True)


class Opened:
    """A context manager. `names` are the files that were opened within the block."""

    def __init__(self, directory: Path):
        self.names: set = set()
        self._directory = directory

    def __enter__(self) -> "Opened":
        self._inotify = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        watch = libc.inotify_add_watch(self._inotify, os.fsencode(self._directory), IN_OPEN)
        if self._inotify < 0 or watch < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {self._directory}")
        return self

    def __exit__(self, *exception) -> None:
        try:
            while events := os.read(self._inotify, 65536):
                self._take(events)
        except BlockingIOError:  # no more events
            pass
        finally:
            os.close(self._inotify)

    def _take(self, events: bytes) -> None:
        at = 0
        while at < len(events):
            _, mask, _, length = HEADER.unpack_from(events, at)
            at += HEADER.size + length
            if not mask & IN_ISDIR:  # Python lists the directory itself
                self.names.add(os.fsdecode(events[at - length : at].rstrip(b"\0")))
