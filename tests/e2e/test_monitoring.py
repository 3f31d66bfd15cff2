"""What watches the servers: the exposition, the dashboard and the alerts, judged by Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_server.metrics import catalogue
from prometheus_server import Prometheus, scraping

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "systemd" / "grafana" / "edge-server.json"
ALERTS = ROOT / "systemd" / "prometheus" / "alerts.yml"
METRIC = re.compile(r"\b(?:edge|process)_[a-z0-9_]+\b")
# Of the variables, as Grafana would put something in their place.
VARIABLES = {"$__rate_interval": "1m", "$instance": ".*", "$model": ".*"}
# Here no board has sensors, nothing has failed, and a warning that is not due shows nothing.
EMPTY_HERE = re.compile(
    r"edge_board_(?!load|memory|uptime)|failure_info|== 1$|> 0$|board_info|mqtt"
)


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return document


def expressions() -> list[str]:
    """The dashboard's queries, as Prometheus gets them."""
    found = [t["expr"] for panel in dashboard()["panels"] for t in panel.get("targets", ())]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    return found


@pytest.fixture(scope="module")
def promtool(prometheus_programs: dict[str, str]) -> Any:
    def run(*arguments: str | Path, text: str = "") -> None:
        done = subprocess.run(
            [prometheus_programs["promtool"], *map(str, arguments)],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search(r"\bwarn|\blint", done.stderr, re.IGNORECASE), done.stderr

    return run


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
    return text


def _predict(server: Any) -> None:
    picture = _snapshot(server)
    request = urllib.request.Request(f"{server.url}/predict", data=picture)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def _snapshot(server: Any) -> bytes:
    with urllib.request.urlopen(f"{server.url}/camera/snapshot.jpg", timeout=20) as answer:
        data: bytes = answer.read()
    return data


@pytest.fixture(scope="module")
def exposed(digits_server: Any) -> str:
    """/metrics of a server that has worked."""
    _predict(digits_server)
    return _get(f"{digits_server.url}/metrics")


@pytest.fixture(scope="module")
def watched(prometheus_programs: dict[str, str], digits_server: Any) -> Iterator[Prometheus]:
    """Prometheus after some seconds of a server at work."""
    with scraping(
        prometheus_programs["prometheus"], digits_server.url.removeprefix("http://")
    ) as running:
        running.wait_for("up == 1")
        for _ in range(3):
            _predict(digits_server)
            running.wait_for(f"timestamp(up) > {running.query('time()')[1]}")
        yield running


def test_promtool_has_nothing_to_say_against_the_metrics(promtool: Any, exposed: str) -> None:
    promtool("check", "metrics", text=exposed)


def test_the_dashboard_uses_metrics_that_a_running_server_has(exposed: str) -> None:
    exported = set(re.findall(r"^([a-z0-9_]+)", exposed, re.MULTILINE))
    # Of boards with sensors, of failed models and of a broker; test_metrics_route.py sees them.
    elsewhere = {
        metric.name
        for metric in catalogue.METRICS
        if metric.name.startswith("edge_board_")
        or metric in (catalogue.MODEL_FAILURE, catalogue.MQTT_CONNECTED)
    }
    used = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(used) > 30
    assert used <= exported | elsewhere


def test_the_dashboard_shows_every_metric(exposed: str) -> None:
    shown = DASHBOARD.read_text()
    suffixes = {"counter": "", "gauge": "", "histogram": "_bucket"}
    assert not [m.name for m in catalogue.METRICS if m.name + suffixes[m.kind] not in shown]


def test_promtool_understands_every_query_of_the_dashboard(promtool: Any, tmp_path: Path) -> None:
    rules = [{"record": f"panel:query:{n}", "expr": e} for n, e in enumerate(expressions())]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", "--lint=all", "--lint-fatal", file)


def test_every_query_of_the_dashboard_has_an_answer(watched: Prometheus) -> None:
    empty = [e for e in expressions() if not watched.query(e) and not EMPTY_HERE.search(e)]
    assert empty == []


def test_the_dashboards_variables_find_the_device_and_its_model(watched: Prometheus) -> None:
    queries = {
        v["name"]: v["query"]["query"]
        for v in dashboard()["templating"]["list"]
        if v["type"] == "query"
    }
    found = {}
    for name, query in queries.items():
        matched = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
        assert matched
        expression = matched[1].replace("$instance", ".*")
        found[name] = {series["metric"][matched[2]] for series in watched.query(expression)}
    assert len(found["instance"]) == 1
    assert found["model"] == {"digits"}


# What Grafana can read


def _differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """What Grafana's schema does not keep of ours; its own defaults are no difference."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key not in theirs:
                yield f"{place}/{key} is unknown"
            else:
                yield from _differences(value, theirs[key], f"{place}/{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(*pair, f"{place}/{number}")
    elif ours != theirs:
        yield f"{place} is {ours!r}, read as {theirs!r}"


def test_grafanas_schema_knows_every_field_of_the_dashboard() -> None:
    plugins = pytest.importorskip(
        "grafana_foundation_sdk.cog.plugins", reason="needs Python 3.11 or newer"
    )
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()
    ours = dashboard()
    theirs = json.loads(json.dumps(Dashboard.from_json(ours), cls=JSONEncoder))
    assert list(_differences(ours, theirs)) == []


def test_the_panels_lie_beside_each_other_and_ask_the_chosen_source() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        references = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(references)) == len(references)
        for asked in [panel, *panel.get("targets", ())] if references else []:
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_query_is_of_the_chosen_devices() -> None:
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            selectors = re.findall(r"(?:edge|process)_[a-z0-9_]+\{([^}]*)\}", target["expr"])
            assert len(selectors) == len(METRIC.findall(target["expr"])), target["expr"]
            assert all('instance=~"$instance"' in selector for selector in selectors)


# Alerts


def test_the_alerts_are_sound_and_of_metrics_that_exist(promtool: Any) -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", ALERTS)
    names = set(METRIC.findall(ALERTS.read_text())) - {"process_start_time_seconds"}
    known = {metric.name for metric in catalogue.METRICS}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in names} <= known


def test_each_alert_fires_when_it_should_and_not_else(promtool: Any) -> None:
    cases = Path(__file__).parent / "alerts.test.yml"
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert len(alerts) > 10
    assert sorted(re.findall(r'alertname="(\w+)"', cases.read_text())) == sorted(alerts)
    promtool("test", "rules", cases)


def test_the_documented_scrape_configuration_is_one(promtool: Any, tmp_path: Path) -> None:
    snippets = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "monitoring.md").read_text(), re.S)
    (snippet,) = (text for text in snippets if "scrape_configs:" in text)
    file = tmp_path / "prometheus.yml"
    text = snippet.replace("/etc/prometheus/edge-server.token", str(tmp_path / "token"))
    (tmp_path / "token").write_text("secret")
    (tmp_path / "alerts.yml").write_text(ALERTS.read_text())
    file.write_text(text)
    promtool("check", "config", file)
