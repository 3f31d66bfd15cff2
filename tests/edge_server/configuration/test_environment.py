from __future__ import annotations

import re

import pytest

from edge_server.configuration import environment
from edge_server.configuration.declaration import declared
from edge_server.settings import Settings

# As a pod sees them for the services `edge-server` and `edge`.
KUBERNETES = {
    "EDGE_SERVER_SERVICE_HOST": "10.0.0.1",
    "EDGE_SERVER_SERVICE_PORT": "8080",
    "EDGE_SERVER_SERVICE_PORT_HTTP": "8080",
    "EDGE_SERVER_PORT": "tcp://10.0.0.1:8080",
    "EDGE_SERVER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
    "EDGE_SERVER_PORT_8080_TCP_PROTO": "tcp",
    "EDGE_SERVER_PORT_8080_TCP_ADDR": "10.0.0.1",
    "EDGE_SERVICE_HOST": "10.0.0.2",
    "EDGE_PORT": "tcp://10.0.0.2:80",
    "EDGE_PORT_80_TCP": "tcp://10.0.0.2:80",
}


@pytest.mark.parametrize("text", ["1", "true", "on", "yes", "TRUE", " On "])
def test_words_that_mean_yes(text, read):
    assert read(variables={"EDGE_METRICS": text}).settings.metrics is True


@pytest.mark.parametrize("text", ["0", "false", "off", "no", "Off"])
def test_words_that_mean_no(text, read):
    assert read(variables={"EDGE_WARM_UP": text}).settings.warm_up is False


def test_other_words_are_no_flag(wrong):
    assert wrong(variables={"EDGE_METRICS": "maybe"}) == [
        "EDGE_METRICS is 'maybe': use true or false."
    ]


def test_an_unknown_variable_names_the_nearest(wrong):
    assert wrong(variables={"EDGE_PROT": "1", "EDGE_CONFIGG": "x"}) == [
        "There is no setting EDGE_PROT: the nearest is EDGE_PORT.",
        "There is no setting EDGE_CONFIGG: the nearest is EDGE_CONFIG.",
    ]


def test_variables_of_others_are_not_looked_at(read, example):
    assert read(variables={"PORT": "1", "LEDGE_PORT": "2", "edge_port": "3"}).settings == example()


def test_what_kubernetes_says_of_services_is_no_setting(read, example):
    assert read(variables=KUBERNETES).settings == example()


def test_a_port_is_one_beside_kubernetes_too(read):
    assert read(variables=KUBERNETES | {"EDGE_PORT": "7"}).settings.port == 7


def test_a_service_s_names_are_unknown_without_the_service(wrong):
    assert len(wrong(variables={"EDGE_SERVER_PORT_80_TCP": "tcp://10.0.0.1:80"})) == 1


def test_every_variable_of_the_project_is_known_to_the_server(root):
    """Whoever sets one for the scripts or the conversion can start the server all the same."""
    known = {setting.variable for setting in declared(Settings)} | environment.NOT_SETTINGS
    files = [p for name in ("scripts", "convert", "tests") for p in (root / name).rglob("*")]
    files = [path for path in files if path.is_file() and "configuration" not in path.parts]
    used = set()
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        used |= set(re.findall(r"""(?:environ[^\n]*["']|[$][{]?|export )(EDGE_[A-Z_]+)""", text))
    assert {"EDGE_VENVS", "EDGE_TARGET_PYTHON", "EDGE_TEST_REQUIRE"} <= used <= known
