# SPDX-License-Identifier: MIT OR Apache-2.0
"""How programs are started, and whose certificates they have."""

from dataclasses import dataclass, field

# The owner of the certificate that a server of each CA accepts.
OWNERS = {"alpha": "anna", "beta": "bert"}


@dataclass
class Way:
    """A way to start an unchanged program with certpick."""

    before: list = field(default_factory=list)  # words before the program
    env: dict = field(default_factory=dict)
