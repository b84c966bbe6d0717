# SPDX-License-Identifier: MIT OR Apache-2.0
"""Slow runs of a module's tests, done together: one for each processor."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .toolchain import succeed


def selected(request, test: str) -> list:
    """The names that a parametrized test of this module is to be run with."""
    return [
        item.callspec.params["name"]
        for item in request.session.items
        if item.module is request.module and getattr(item, "originalname", "") == test
    ]


@contextmanager
def at_once(commands: dict, **options):
    """Of each (command, environment) by its name, what gives its output: `[name].result()`."""
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        yield {
            name: pool.submit(succeed, command, env=environment, **options)
            for name, (command, environment) in commands.items()
        }
    finally:
        pool.shutdown(cancel_futures=True)
