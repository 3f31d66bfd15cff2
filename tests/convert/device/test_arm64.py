"""Every recipe on 64-bit ARM: Debian's CPython, the device's wheels, and LiteRT's ARM kernels.

Runs under user-mode emulation, with neither root nor a board: only where it is asked for, with
EDGE_TEST_REQUIRE=arm64, since it takes minutes and 400 MB of downloads. Proves function, not speed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert import calibration, photos, recipes
from convert.console import Console
from convert.device import candidate, target_conversion, targets
from convert.device.candidate import Shown
from convert.file import bundle_writer
from convert.recipes import RECIPES
from convert.sources import source
from convert.sources.source import Source
from convert.workshop import Workshop
from edge_server.inference import preprocessing
from edge_server.inference.manifest import Manifest, Output

pytestmark = pytest.mark.skipif(
    "arm64" not in os.environ.get("EDGE_TEST_REQUIRE", "").split(","),
    reason="takes minutes: set EDGE_TEST_REQUIRE=arm64",
)
TARGET = targets.get("pi-os-bookworm")
# Debian 12 has glibc 2.36.
TAGS = ("2_17", "2_27", "2_28", "2_34")
# Cortex-A72, as in a Raspberry Pi 4: the runtime reads it, and emulation shows the host's own.
CPU_INFO = """processor\t: {number}
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd08
CPU revision\t: 3

"""


def _root(folder: Path) -> Path:
    """Debian bookworm for arm64 with CPython 3.11: unpacked, not installed. Needs mmdebstrap."""
    root = folder / "root"
    command = ["mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract"]
    command += ["--include=python3,libstdc++6,libgomp1", "bookworm", str(root)]
    subprocess.run(command, check=True)
    processors = root / "sys" / "devices" / "system" / "cpu"
    for place in (root / "proc", processors):
        place.mkdir(parents=True, exist_ok=True)
    (root / "proc" / "cpuinfo").write_text("".join(CPU_INFO.format(number=n) for n in (0, 1)))
    for name in ("possible", "present"):
        (processors / name).write_text("0-1\n")
    return root


def _wheels(folder: Path) -> Path:
    """What the device installs, for its machine."""
    platforms = [part for tag in TAGS for part in ("--platform", f"manylinux_{tag}_aarch64")]
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    command += [*platforms, "--platform", "manylinux2014_aarch64", "--python-version", "3.11"]
    command += ["--implementation", "cp", "--abi", "cp311", "--abi", "abi3"]
    command += ["--only-binary=:all:", "--target", str(folder / "wheels")]
    command += [str(requirement) for requirement in TARGET.requirements()]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "wheels"


@pytest.fixture(scope="module")
def arm_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that is started as a Python is, and runs on the other machine. Needs
    qemu-user-static."""
    folder = tmp_path_factory.mktemp("arm64")
    root, wheels = _root(folder), _wheels(folder)
    program = folder / "python"
    program.write_text(
        "#!/bin/sh\n"
        f"exec env QEMU_CPU=cortex-a72 QEMU_LD_PREFIX={root} PYTHONHOME={root}/usr "
        f'PYTHONPATH="$PYTHONPATH:{wheels}" '
        f'qemu-aarch64-static {root}/usr/bin/python3.11 "$@"\n'
    )
    program.chmod(0o755)
    question = "import platform; print(platform.machine())"
    said = subprocess.run([program, "-c", question], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "aarch64"
    return program


@pytest.fixture(scope="module")
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Convolution, depthwise convolution and a dense layer, small enough to be emulated."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    kernel = rng.normal(0, 0.3, (3, 3, 3, 64)).astype(np.float32)
    depthwise = rng.normal(0, 0.3, (3, 3, 64, 1)).astype(np.float32)
    weights = rng.normal(0, 0.5, (64, 32)).astype(np.float32)

    def classify(image: Any) -> Any:
        x = tf.nn.relu6(tf.nn.conv2d(image, kernel, 2, "SAME"))
        x = tf.nn.relu6(tf.nn.depthwise_conv2d(x, depthwise, [1, 1, 1, 1], "SAME"))
        return {"scores": tf.nn.softmax(tf.linalg.matmul(tf.reduce_mean(x, [1, 2]), weights))}

    folder = tmp_path_factory.mktemp("wide") / "model"
    save = request.getfixturevalue("save_functions")
    save(folder, serving_default=(classify, {"image": [None, 24, 24, 3]}))
    return source.load(folder, None)


@pytest.mark.parametrize("name", RECIPES)
def test_a_file_answers_on_64_bit_arm_as_it_does_here(
    arm_python: Path,
    wide: Source,
    name: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    console: Console,
    write_photos: Callable[..., list[Path]],
) -> None:
    spec = preprocessing.from_preset("tf", width=24, height=24)
    pool = photos.read_unlabelled(request.getfixturevalue("photos").calibration)
    calibrated = calibration.load(pool, spec, 8, console)
    monkeypatch.setenv("EDGE_TARGET_PYTHON", str(arm_python))
    shown = Shown(tuple(photo.path for photo in pool.photos[:4]), spec)
    with Workshop(tmp_path / "out") as workshop:
        done = target_conversion.convert(
            wide, recipes.get(name), calibrated, TARGET, console, workshop, shown
        )
    assert done.probe.runtime == "ai-edge-litert"
    assert (done.probe.resizable_batch, done.adaptations) == (True, ())

    draft = Manifest("wide", spec, Output.PROBABILITIES, name)
    file = tmp_path / "wide.tflite"
    labels = [str(number) for number in range(32)]
    file.write_bytes(bundle_writer.write(done.model, draft, labels, {}))
    pictures = write_photos(tmp_path / "pictures", 8, seed=5)

    def scores(python: Path | None) -> Any:
        return candidate.run(
            file, pictures, threads=1, console=console, title="x", python=python
        ).scores

    here, there = scores(None), scores(arm_python)
    assert np.ptp(here, axis=0).max() > 0.05, "the pictures differ"
    assert np.abs(here - there).max() < 0.01
