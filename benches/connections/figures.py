# SPDX-License-Identifier: MIT OR Apache-2.0
"""Statistics and the format of numbers."""

import math
import statistics
from dataclasses import dataclass


@dataclass
class Spread:
    """A median and its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: list) -> "Spread":
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))

    def text(self, digits: int = 2) -> str:
        digits = 0 if self.median >= 100 else digits
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def ratios(values: list, references: list) -> Spread:
    """Returns the ratios of each round's value to that round's reference, because the load varies."""
    return Spread.of([value / reference for value, reference in zip(values, references)])


def exponent(before: tuple, after: tuple) -> float:
    """Returns the exponent of growth between two pairs (size, cost): 1 is linear, 2 quadratic."""
    return math.log(after[1] / before[1]) / math.log(after[0] / before[0])


def n_log_n(before: float, after: float) -> float:
    """Returns the growth of n log n between two sizes."""
    return (after * math.log(after)) / (before * math.log(before))


def count(number: float) -> str:
    """Formats a number with three digits: 46.2 k, 1.18 M, 15.9 G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            scaled = number / size
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f} {unit}"
    return f"{number:.0f}"


def microseconds(number: float) -> str:
    """Formats a time with a suitable unit."""
    if number >= 1e6:
        return f"{number / 1e6:.2f} s"
    if number >= 1e3:
        return f"{number / 1e3:.2f} ms"
    return f"{number:.1f} µs"
