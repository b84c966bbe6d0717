# SPDX-License-Identifier: MIT OR Apache-2.0
from harness import terminated  # noqa: F401
