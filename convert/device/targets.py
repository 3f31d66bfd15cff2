"""What a file must run on: the runtimes behind the names that --target takes.

What a device has installed stands once, in requirements-edge.txt, with markers for its machine.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

import edge_server
from convert.device.operator_versions import NEWEST
from convert.errors import BuildError, UsageError

_DISTRIBUTION: Final = "edge-classifier"
LITERT: Final = "ai-edge-litert"
TFLITE: Final = "tflite-runtime"


@dataclass(frozen=True)
class Target:
    """A device, or kind of device.

    `runtime` is the distribution that runs the model there, with the operators of the TensorFlow
    release `operators_of`; `machine` is what `uname -m` says; `pythons` are the versions of
    CPython, best first, on which the runtime and the device's code run.
    """

    name: str
    meaning: str
    runtime: str
    operators_of: str
    machine: str
    pythons: tuple[tuple[int, int], ...]

    def requirements(self) -> tuple[Requirement, ...]:
        """What is installed on it, without markers. Raises BuildError where that can't be found."""
        chosen = []
        for line in _requirement_lines():
            requirement = Requirement(line)
            facts = {"platform_machine": self.machine, "extra": ""}
            if requirement.marker is None or requirement.marker.evaluate(facts):
                requirement.marker = None
                chosen.append(requirement)
        return tuple(chosen)

    def runtime_requirement(self) -> Requirement:
        """The one line of requirements() that names the runtime."""
        return next(r for r in self.requirements() if r.name == self.runtime)


def _litert(name: str, meaning: str, *minors: int) -> Target:
    # LiteRT counts its own releases: 2.3 has what the table of operators knows, and more.
    pythons = tuple((3, minor) for minor in minors)
    return Target(name, meaning, LITERT, f"{NEWEST}.0", "aarch64", pythons)


def _tflite(name: str, meaning: str) -> Target:
    # There are wheels for 3.9 too, but the device's code needs 3.10.
    return Target(name, meaning, TFLITE, "2.14.0", "armv7l", ((3, 11), (3, 10)))


TARGETS: Final = {
    target.name: target
    for target in (
        _litert("litert", "LiteRT, as on any 64-bit machine", 11, 12, 13, 10),
        _tflite("tflite-2.14", "tflite-runtime 2.14, its last release"),
        _litert("pi-os-bookworm", "64-bit Raspberry Pi OS of Debian 12: LiteRT", 11, 12, 13, 10),
        _litert("pi-os-trixie", "64-bit Raspberry Pi OS of Debian 13: LiteRT", 13, 12, 11, 10),
        _tflite("pi-os-32bit", "32-bit Raspberry Pi OS, for which only tflite-runtime 2.14 exists"),
        _litert("jetpack-6", "Jetson with JetPack 6 (Ubuntu 22.04): LiteRT", 10, 11, 12, 13),
    )
}
DEFAULT: Final = TARGETS["litert"]


def get(name: str) -> Target:
    """The target of that name. Raises UsageError where there is none."""
    if name not in TARGETS:
        raise UsageError(f"There is no target '{name}': choose one of {', '.join(TARGETS)}.")
    return TARGETS[name]


def _requirement_lines() -> list[str]:
    """requirements-edge.txt of the checkout; of an installed package, the same in its metadata."""
    file = Path(edge_server.__file__).resolve().parent.parent / "requirements-edge.txt"
    try:
        lines = [line.split("#")[0].strip() for line in file.read_text().splitlines()]
    except OSError:
        try:
            lines = importlib.metadata.requires(_DISTRIBUTION) or []
        except importlib.metadata.PackageNotFoundError as error:
            raise BuildError(
                f"What a device has installed is not known here, since {file} is missing: "
                "install the package, or run it from its checkout."
            ) from error
    return [line for line in lines if line]
