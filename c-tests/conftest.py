# SPDX-License-Identifier: MIT OR Apache-2.0
"""For pytest: this directory comes on the path, and being terminated still cleans up."""

import signal


def _terminated(signum, frame):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, _terminated)
