"""Boards as directory trees, and servers whose metrics are parsed by the client library.

The trees have the paths and the formats of real boards; the figures are made up. Sources:

- thermal_zone*/{type,temp}, cooling_device*/{type,cur_state,max_state}: Linux,
  Documentation/driver-api/thermal/sysfs-api.rst; millidegrees Celsius
- Raspberry Pi's get_throttled: drivers/firmware/raspberrypi.c of its kernel prints "%x\\n"; the
  device lies below soc on a Raspberry Pi 4 and below soc@107c000000 on a 5
- hwmon rpi_volt: Documentation/hwmon/raspberrypi-hwmon.rst
- Jetson: names of its zones and their errors as in the logs of jetson_stats' issue 608; soctherm_oc
  as drivers/hwmon/tegra234-oc-event.c of NVIDIA's kernel, explained in its developer guide
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

MEMINFO = "MemTotal:        3884344 kB\nMemFree:          512000 kB\nMemAvailable:    2884344 kB\n"
PROC = {
    "proc/meminfo": MEMINFO,
    "proc/loadavg": "0.52 0.41 0.33 2/187 12345\n",
    "proc/uptime": "86400.25 340000.10\n",
}
_ZONE = "sys/class/thermal/thermal_zone"
_COOLER = "sys/class/thermal/cooling_device"
_POLICY = "sys/devices/system/cpu/cpufreq/policy"

RASPBERRY_PI_4: dict[str, str | None] = {
    **PROC,
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.5\0",
    f"{_ZONE}0/type": "cpu-thermal\n",
    f"{_ZONE}0/temp": "61835\n",
    f"{_COOLER}0/type": "cpufreq-cpu0\n",
    f"{_COOLER}0/cur_state": "2\n",
    f"{_COOLER}0/max_state": "9\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "1\n",
    # Throttled now; under-voltage and throttling since it was last cleared.
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50004\n",
    f"{_POLICY}0/scaling_cur_freq": "1500000\n",
    f"{_POLICY}0/scaling_max_freq": "1800000\n",
}
RASPBERRY_PI_5: dict[str, str | None] = {
    **PROC,
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    f"{_ZONE}0/type": "cpu-thermal\n",
    f"{_ZONE}0/temp": "48950\n",
    f"{_COOLER}0/type": "pwm-fan\n",
    f"{_COOLER}0/cur_state": "1\n",
    f"{_COOLER}0/max_state": "4\n",
    "sys/class/hwmon/hwmon2/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "0\n",
    "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "0\n",
    f"{_POLICY}0/scaling_cur_freq": "2400000\n",
    f"{_POLICY}0/scaling_max_freq": "2400000\n",
}
JETSON_ORIN: dict[str, str | None] = {
    **PROC,
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    f"{_ZONE}0/type": "cpu-thermal\n",
    f"{_ZONE}0/temp": "52437\n",
    f"{_ZONE}1/type": "gpu-thermal\n",
    f"{_ZONE}1/temp": "-256000\n",
    f"{_ZONE}2/type": "cv0-thermal\n",
    f"{_ZONE}2/temp": None,  # a unit that is off: reading fails
    f"{_ZONE}8/type": "tj-thermal\n",
    f"{_ZONE}8/temp": "53125\n",
    f"{_ZONE}10/type": "tj-thermal\n",
    f"{_ZONE}10/temp": "",
    f"{_ZONE}11/type": "cpu-thermal\n",
    f"{_ZONE}11/temp": "50000\n",
    "sys/class/hwmon/hwmon1/name": "ina3221\n",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "0\n",
    "sys/class/hwmon/hwmon3/oc2_event_cnt": "15\n",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "37\n",
    f"{_POLICY}0/scaling_cur_freq": "729600\n",
    f"{_POLICY}0/scaling_max_freq": "1510400\n",
    f"{_POLICY}4/scaling_cur_freq": "1510400\n",
}
BOARDS = {"pi4": RASPBERRY_PI_4, "pi5": RASPBERRY_PI_5, "orin": JETSON_ORIN, "container": PROC}


@pytest.fixture
def board_tree(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a board's files; a file without content can't be read."""

    def write(name: str) -> Path:
        root = tmp_path / name
        for path, content in BOARDS[name].items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                file.mkdir()
            else:
                file.write_text(content)
        return root

    return write


class Samples(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """Every sample of an exposition; two of the same labels are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self, f"twice: {key}"
                self[key] = sample.value

    def one(self, name: str, **labels: str) -> float:
        """The only sample of this name that has these labels."""
        found = [v for (n, have), v in self.items() if n == name and have >= set(labels.items())]
        assert len(found) == 1, (name, labels, found)
        return found[0]

    def labels(self, name: str, label: str) -> list[str]:
        return [dict(have)[label] for n, have in self if n == name]

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self}


@pytest.fixture
def scrape() -> Callable[[Any], Samples]:
    """The samples of a served application."""

    def read(client: Any) -> Samples:
        answer = client.get("/metrics")
        assert answer.status_code == 200
        return Samples(answer.get_data(as_text=True))

    return read


@pytest.fixture
def parsed() -> Callable[[str], Samples]:
    """The samples of a text."""
    return Samples
