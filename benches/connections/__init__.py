# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measures connections, the choice, selectors and whole processes for `make bench`. See doc/performance.md."""
