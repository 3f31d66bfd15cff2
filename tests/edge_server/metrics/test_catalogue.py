"""The list of metrics: by Prometheus' conventions, and docs/monitoring.md says the same."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from edge_server.inference.statistics import BOUNDS, Distribution
from edge_server.metrics import catalogue
from edge_server.metrics.catalogue import METRICS, Metric

NAMES = {metric.name for metric in METRICS}


def row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {labels} | {metric.help} |"


@pytest.fixture(scope="module")
def section(root):
    """The section on metrics."""
    text = (root / "docs" / "monitoring.md").read_text()
    return re.search(r"^## Metrics\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]


def test_the_table_says_what_the_code_exports(section):
    rows = re.findall(r"^\| `edge_.*$", section, re.MULTILINE)
    assert len(rows) > 20
    assert set(rows) <= {row(metric) for metric in METRICS}


def test_the_text_names_no_metric_that_is_not_there(root):
    named = re.findall(r"`(edge_[a-z_]+)`", (root / "docs" / "monitoring.md").read_text())
    assert {name for name in named if name != "edge_server"} <= NAMES


def test_names_are_unique_and_counters_alone_end_with_total():
    assert len(NAMES) == len(METRICS)
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.help.endswith(".")


def test_durations_are_in_seconds_and_sizes_in_bytes():
    for metric in METRICS:
        if metric.kind == "histogram":
            assert metric.name.endswith("_seconds")
        assert not re.search(r"_(ms|milliseconds|kb|mb|fps|percent)\b", metric.name)


def written(family) -> str:
    class One:
        def collect(self) -> Sequence[object]:
            return [family]

    registry = CollectorRegistry(auto_describe=False)
    registry.register(One())
    return generate_latest(registry).decode()


def test_buckets_are_cumulative_as_prometheus_wants_them():
    counts = [0] * (len(BOUNDS) + 1)
    counts[0], counts[2], counts[-1] = 5, 2, 1
    distribution = Distribution(tuple(counts), nanoseconds=1_500_000_000)
    text = written(catalogue.REQUESTS.distributions((("m", "1"), distribution)))
    found = dict(re.findall(r'_bucket\{le="([^"]+)".*\} (\S+)', text))
    assert list(found) == [*(str(bound) for bound in BOUNDS), "+Inf"]
    assert [float(v) for v in found.values()] == [5, 5, *[7] * (len(BOUNDS) - 2), 8]
    assert re.search(r"_count\{.*\} 8\.0", text)
    assert re.search(r"_sum\{.*\} 1\.5\n", text)


def test_labels_are_escaped_and_always_text():
    text = written(catalogue.MODEL_FAILURE.values((('a"b', "1", "new\nline \udce9"), 1)))
    assert 'model="a\\"b"' in text
    assert 'reason="new\\nline ?"' in text
