"""Which CSI cameras a Raspberry Pi or a Jetson has; silent where there are none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Final

from camera.sources.csi import SYSTEM_PYTHON, command

# picamera2 takes seconds to load on a slow Pi.
_TIMEOUT: Final = 20.0
# How a Jetson's driver names the node of a sensor: `vi-output, imx219 9-0010`.
_JETSON_NODE: Final = "vi-output"
# Nodes of the Pi's and the Jetson's camera hardware, which give raw sensor data or none at all.
_HARDWARE: Final = (_JETSON_NODE, "unicam", "rp1-cfe", "bcm2835-", "pispbe", "rpivid", "rpi-hevc")


def list_csi_cameras(python: str = SYSTEM_PYTHON) -> list[tuple[str, str]]:
    """The string that names each camera as a source, and its sensor; picamera2 is asked."""
    try:
        asked = subprocess.run(
            command(python, "--list"), capture_output=True, timeout=_TIMEOUT, check=True
        )
        sensors = json.loads(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    return [(f"csi:{number}", sensor or "camera") for number, sensor in enumerate(sensors)]


def list_jetson_cameras(sysfs: Path = Path("/sys/class/video4linux")) -> list[tuple[str, str]]:
    """The same for a Jetson, by the names of its video nodes."""
    if not sysfs.is_dir():
        return []
    names = []
    for entry in sorted(sysfs.iterdir(), key=lambda entry: (len(entry.name), entry.name)):
        try:
            names.append((entry / "name").read_text(encoding="utf-8", errors="replace").strip())
        except OSError:
            continue
    sensors = [name.partition(",")[2].strip() for name in names if name.startswith(_JETSON_NODE)]
    return [(f"jetson-csi:{number}", sensor) for number, sensor in enumerate(sensors)]


def is_csi_hardware(name: str) -> bool:
    """Whether a V4L2 device of this name is no use by itself."""
    return name.startswith(_HARDWARE)
