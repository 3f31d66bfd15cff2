"""The board under the server, as its kernel tells it: temperatures, throttling, clocks, memory.

Every file may be absent, on another board or in a container; what is absent is left out. Formats:

- thermal zones and cooling devices: Documentation/driver-api/thermal/sysfs-api.rst of Linux; on a
  Jetson the zones have names (cpu-thermal, tj-thermal, ...), and those of units that are switched
  off refuse to be read
- Raspberry Pi: hwmon/in0_lcrit_alarm (Documentation/hwmon/raspberrypi-hwmon.rst), and the
  firmware's get_throttled, hexadecimal (drivers/firmware/raspberrypi.c of Raspberry Pi's kernel);
  its bits as `vcgencmd get_throttled` documents them
- Jetson Orin: hwmon soctherm_oc, ocN_event_cnt (NVIDIA's developer guide, "Platform Power and
  Performance", over-current events)
- clocks: Documentation/admin-guide/pm/cpufreq.rst; memory, load and uptime: proc(5)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Bit of get_throttled -> what it says. Sixteen above it: the same, at some time before.
_THROTTLED_BITS: Final = {
    0: "under_voltage",
    1: "frequency_capped",
    2: "throttled",
    3: "soft_temperature_limit",
}
_EARLIER_BITS: Final = 16
_POWER_EVENTS: Final = {
    "oc1": "under_voltage",
    "oc2": "average_overcurrent",
    "oc3": "instantaneous_overcurrent",
}
# Zones of units that are off tell such figures as -256 degrees.
_CELSIUS: Final = (-60.0, 200.0)
# Of anything that there may be several of, so that no board can flood whoever reads.
_MAX_DEVICES: Final = 64
_MAX_BYTES: Final = 16_384


@dataclass(frozen=True)
class Clock:
    """The clock of the processors that share one, in Hz; `maximum` as the governor allows now."""

    current: float
    maximum: float | None


@dataclass(frozen=True)
class Cooling:
    """A cooling device: 0 is off. Where it is a processor's clock, above 0 is throttled."""

    state: int
    maximum: int


@dataclass(frozen=True)
class Board:
    """One reading; whatever the board does not tell is None or missing in its mapping.

    model         name of the board
    temperatures  degrees Celsius by thermal zone
    throttled     (reason, "now" or "earlier") -> whether it is so
    power_events  how often since boot the hardware slowed down for its power supply
    cooling       by cooling device
    clocks        by the first processor of those that share the clock
    memory        (total, available) in bytes
    load          means of the runnable tasks over 1, 5 and 15 minutes
    uptime        seconds
    """

    model: str | None = None
    temperatures: dict[str, float] = field(default_factory=dict)
    throttled: dict[tuple[str, str], bool] = field(default_factory=dict)
    power_events: dict[str, int] = field(default_factory=dict)
    cooling: dict[str, Cooling] = field(default_factory=dict)
    clocks: dict[str, Clock] = field(default_factory=dict)
    memory: tuple[int, int] | None = None
    load: tuple[float, float, float] | None = None
    uptime: float | None = None


def read(root: Path = Path("/")) -> Board:
    """Read the board whose /sys and /proc are below `root`. Takes as long as its sensors do."""
    model = _text(root / "proc/device-tree/model")
    return Board(
        model=model.rstrip("\0") if model else None,
        temperatures=_temperatures(root),
        throttled=_throttled(root),
        power_events=_power_events(root),
        cooling=_cooling(root),
        clocks=_clocks(root),
        memory=_memory(root),
        load=_load(root),
        uptime=_number(root / "proc/uptime"),
    )


def _temperatures(root: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    for zone, name in _named(root / "sys/class/thermal", "thermal_zone", "type"):
        millidegrees = _number(zone / "temp")
        if millidegrees is not None and _CELSIUS[0] <= millidegrees / 1e3 <= _CELSIUS[1]:
            found[_distinct(name, zone, found)] = millidegrees / 1e3
    return found


def _throttled(root: Path) -> dict[tuple[str, str], bool]:
    found: dict[tuple[str, str], bool] = {}
    # soc on 32-bit addresses, soc@107c000000 and the like on a Raspberry Pi 5.
    for file in sorted((root / "sys/devices/platform").glob("soc*/*firmware/get_throttled")):
        try:
            bits = int(_text(file) or "", 16)
        except ValueError:
            continue
        for bit, reason in _THROTTLED_BITS.items():
            found[reason, "now"] = bool(bits >> bit & 1)
            found[reason, "earlier"] = bool(bits >> (bit + _EARLIER_BITS) & 1)
    for monitor, name in _named(root / "sys/class/hwmon", "hwmon", "name"):
        alarm = _number(monitor / "in0_lcrit_alarm") if name == "rpi_volt" else None
        if alarm is not None:
            # The driver asks every two seconds whether there was any in between: it sees what
            # the bit of this moment misses.
            now = found.get(("under_voltage", "now"), False) or alarm > 0
            found["under_voltage", "now"] = now
    return found


def _power_events(root: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for monitor, name in _named(root / "sys/class/hwmon", "hwmon", "name"):
        if name == "soctherm_oc":
            for file, event in _POWER_EVENTS.items():
                count = _number(monitor / f"{file}_event_cnt")
                if count is not None:
                    found[event] = int(count)
    return found


def _cooling(root: Path) -> dict[str, Cooling]:
    found: dict[str, Cooling] = {}
    for device, name in _named(root / "sys/class/thermal", "cooling_device", "type"):
        state, maximum = _number(device / "cur_state"), _number(device / "max_state")
        if state is not None and maximum is not None:
            found[_distinct(name, device, found)] = Cooling(int(state), int(maximum))
    return found


def _clocks(root: Path) -> dict[str, Clock]:
    found: dict[str, Clock] = {}
    for policy in _numbered(root / "sys/devices/system/cpu/cpufreq", "policy"):
        current, maximum = (_number(policy / f"scaling_{n}_freq") for n in ("cur", "max"))
        if current is not None:  # kHz
            clock = Clock(current * 1e3, maximum * 1e3 if maximum is not None else None)
            found[policy.name.removeprefix("policy")] = clock
    return found


def _memory(root: Path) -> tuple[int, int] | None:
    text = _text(root / "proc/meminfo") or ""
    kilobytes = dict(re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE))
    try:
        return int(kilobytes["MemTotal"]) * 1024, int(kilobytes["MemAvailable"]) * 1024
    except KeyError:
        return None


def _load(root: Path) -> tuple[float, float, float] | None:
    try:
        one, five, fifteen = (float(n) for n in (_text(root / "proc/loadavg") or "").split()[:3])
    except ValueError:
        return None
    return one, five, fifteen


def _named(folder: Path, prefix: str, file: str) -> Iterator[tuple[Path, str]]:
    """Directories with what the file in them calls the device."""
    for device in _numbered(folder, prefix):
        name = _text(device / file)
        if name:
            yield device, name


def _numbered(folder: Path, prefix: str) -> list[Path]:
    """folder/prefixN, by N."""
    try:
        found = [p for p in folder.iterdir() if re.fullmatch(prefix + r"\d+", p.name)]
    except OSError:
        return []
    return sorted(found, key=lambda path: int(path.name.removeprefix(prefix)))[:_MAX_DEVICES]


def _distinct(name: str, device: Path, taken: dict[str, float] | dict[str, Cooling]) -> str:
    """The name, with the device's number where another has it already."""
    return f"{name}-{re.sub('[^0-9]', '', device.name)}" if name in taken else name


def _number(file: Path) -> float | None:
    """The number with which a file begins."""
    try:
        return float((_text(file) or "").split()[0])
    except (ValueError, IndexError):
        return None


def _text(file: Path) -> str | None:
    """What stands in a small file; None where it can't be read, for whatever reason."""
    try:
        with file.open("rb") as stream:
            return stream.read(_MAX_BYTES).decode("utf-8", "replace").strip()
    except OSError:
        return None
