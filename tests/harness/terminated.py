# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes SIGTERM end pytest as an interrupt does, so that fixtures clean up."""

import signal


def _terminated(signum, frame):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, _terminated)
