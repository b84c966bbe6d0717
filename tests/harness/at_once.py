# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the slow commands of a test module in parallel, one per processor."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .toolchain import succeed


def selected(request, test: str) -> list:
    """Returns the parameters `name` with which this session runs a test of this module."""
    return [
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and getattr(item, "originalname", "") == test
    ]


@contextmanager
def at_once(commands: dict, **options):
    """Starts (command, environment) pairs. The result maps each name to a future of the output."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield {
            name: pool.submit(succeed, command, env=environment, **options)
            for name, (command, environment) in commands.items()
        }
    finally:
        pool.shutdown(cancel_futures=True)
