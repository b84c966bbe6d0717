# SPDX-License-Identifier: MIT OR Apache-2.0
"""A directory that `certpick run` accepts for its openssl.cnf files."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import paths


def is_private(directory: Path) -> bool:
    """Returns whether only root and the user can write to the directory and its parents."""
    status = [place.stat() for place in (directory, *directory.parents)]
    return all(s.st_uid in (0, os.geteuid()) and not s.st_mode & 0o022 for s in status)


@contextmanager
def directory():
    """Creates a private directory below target/, or elsewhere if others can write to that."""
    parents = [place.resolve() for place in (paths.TARGET, Path.home(), Path("/run"))]
    made = Path(tempfile.mkdtemp(prefix="certpick-test-", dir=next(filter(is_private, parents))))
    try:
        yield made
    finally:
        shutil.rmtree(made)
