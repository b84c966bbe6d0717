# SPDX-License-Identifier: MIT OR Apache-2.0
"""The variants of the tests with a token."""

import pytest

KINDS = ("rsa", "p256")
kinds = pytest.mark.parametrize("kind", KINDS)
versions = pytest.mark.parametrize("tls", ["1.2", "1.3"])
