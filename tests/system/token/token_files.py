# SPDX-License-Identifier: MIT OR Apache-2.0
"""The files of clients whose keys are in a token."""

from dataclasses import dataclass
from pathlib import Path

from harness.token import Token

KINDS = ("rsa", "p256")
TLS_VERSIONS = ("1.2", "1.3")


@dataclass
class Files:
    """The clients' directory. NAME.crt and NAME.key belong to the key and the certificate NAME in the token."""

    directory: Path
    token: Token
