# SPDX-License-Identifier: MIT OR Apache-2.0
"""The benchmark that `make bench` runs: see doc/performance.md."""
