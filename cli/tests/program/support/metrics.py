# SPDX-License-Identifier: MIT OR Apache-2.0
"""Parses each *.prom file of a directory with the reference parser and prints its values as JSON."""

import json
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

TYPES = {
    "certpick_up",
    "certpick_findings",
    "certpick_certificate_days_left",
    "certpick_certificate_not_after_timestamp_seconds",
}


def read(file: Path) -> dict:
    families = {f.name: f for f in text_string_to_metric_families(file.read_text())}
    assert set(families) == TYPES, (file, sorted(families))
    series = set()
    for family in families.values():
        assert family.type == "gauge" and family.documentation, (file, family.name)
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in series, (file, key)
            series.add(key)
    up = [sample.value for sample in families["certpick_up"].samples]
    days = [sample.value for sample in families["certpick_certificate_days_left"].samples]
    return {"days_left": sorted(int(day) for day in days), "down": up.count(0)}


json.dump({file.name: read(file) for file in sorted(Path(sys.argv[1]).glob("*.prom"))}, sys.stdout)
