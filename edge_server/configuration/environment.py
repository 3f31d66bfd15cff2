"""Settings from variables that begin with EDGE_."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from edge_server.configuration.declaration import Setting
from edge_server.configuration.nearest import nearest
from edge_server.configuration.values import shown

PREFIX: Final = "EDGE_"
FILE_VARIABLE: Final = "EDGE_CONFIG"

# Of this project, but not of the server: its conversion, scripts and tests read them.
NOT_SETTINGS: Final = frozenset(
    {
        "EDGE_CONVERT_CACHE",
        "EDGE_DEVICE_PYTHON",
        "EDGE_HOMEASSISTANT_PYTHON",
        "EDGE_MEDIAPIPE_PYTHON",
        "EDGE_NETRON_PYTHON",
        "EDGE_TARGET_PYTHON",
        "EDGE_TEST_DATA",
        "EDGE_TEST_REQUIRE",
        "EDGE_VENVS",
    }
)
_SERVICE_HOST: Final = "_SERVICE_HOST"


def given(
    settings: Sequence[Setting], environment: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Text by setting's name, and a sentence for each variable that is no setting.

    Empty variables of settings don't count.
    """
    known = {setting.variable: setting.name for setting in settings}
    ours = {name: text for name, text in environment.items() if name.startswith(PREFIX)}
    for name in _of_kubernetes(ours):
        del ours[name]
    values = {known[name]: text for name, text in ours.items() if name in known and text}
    wrong = [
        f"There is no setting {shown(name)[1:-1]}: the nearest is "
        f"{nearest(name, (*known, FILE_VARIABLE))}."
        for name in ours
        if name not in known and name != FILE_VARIABLE and name not in NOT_SETTINGS
    ]
    return values, wrong


def words(text: str) -> list[str]:
    """The values of a setting that takes several: commas or spaces between them."""
    return re.split(r"[,\s]+", text)


def _of_kubernetes(variables: Mapping[str, str]) -> list[str]:
    """The variables by which Kubernetes tells a pod of services that are called edge-something.

    For a service `edge-server` they are EDGE_SERVER_SERVICE_HOST, EDGE_SERVER_PORT=tcp://... and
    more; one that is called `edge` sets EDGE_PORT, which then is an address and no number.
    """
    services = [n.removesuffix(_SERVICE_HOST) for n in variables if n.endswith(_SERVICE_HOST)]
    return [
        name
        for name, text in variables.items()
        if any(
            name.startswith((f"{service}_SERVICE_", f"{service}_PORT_"))
            or (name == f"{service}_PORT" and "://" in text)
            for service in services
        )
    ]
