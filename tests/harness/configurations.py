# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads configuration files by the example read_config of certpick-core."""

import subprocess

from .paths import ROOT


def read_configurations(contents: list) -> list:
    """Returns for each content the fields that the example prints."""
    command = ["cargo", "run", "--quiet", "--locked", "--package=certpick-core", "--example=read_config"]
    given = b"".join(b"%d\n%s" % (len(content), content) for content in contents)
    done = subprocess.run(command, cwd=ROOT, input=given, stdout=subprocess.PIPE, check=True)
    return [line.split("\x1c") for line in done.stdout.decode().removesuffix("\n").split("\n")]
