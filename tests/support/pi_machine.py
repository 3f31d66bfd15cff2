"""A Raspberry Pi OS, but for the Pi: Debian 13 with systemd, libcamera, picamera2 and cameras.

libcamera is Debian's, picamera2 the one of PyPI, and its camera vimc, the kernel's own simulation
of a sensor with its pipeline: Debian's kernel is built without it, so it is compiled from Debian's
source of the same kernel. Made once, in minutes, with a gigabyte of downloads; needs root.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import linux_machine
from linux_kernel import CannotRun, cache, keep, said

CHECKOUT = Path(__file__).resolve().parents[2]
_EDGE = CHECKOUT / "requirements-edge.txt"
_DEV = CHECKOUT / "requirements-dev.txt"
_SUITE = "trixie"
_PYTHON = "3.13"
# picamera2's needs, as far as Debian has them; then what compiles the camera.
_PACKAGES = (
    *("libcamera-ipa", "python3-libcamera", "python3-av", "python3-jsonschema", "python3-numpy"),
    *("python3-libarchive-c", "python3-piexif", "python3-pil", "python3-prctl", "python3-tqdm"),
    *("gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"),
    *("systemd", "systemd-sysv", "udev", "kmod"),
    *("linux-image-amd64", "linux-headers-amd64", "linux-source", "gcc", "make", "xz-utils"),
)
_PICAMERA2 = ("picamera2==0.3.38", "simplejpeg==1.9.0", "videodev2==0.0.4", "OpenEXR==3.5.3")
_PIDNG = "PiDNG==4.0.9"  # comes as source alone, of which Python's part is used
_VIMC = "drivers/media/test-drivers/vimc"
_WITHOUT_A_PI = Path(__file__).with_name("without_a_pi")
# Where scripts/install puts it; and what tests need beside it.
_VENV = "opt/edge-server/current/venv"
_PYTEST = "opt/pytest"
# Of Raspberry Pi OS, as picamera2 wants its memory from there.
_RULE = 'SUBSYSTEM=="dma_heap", GROUP="video", MODE="0660"\n'


def run(script: str, timeout: float) -> str:
    """Boots with cameras and runs a shell script as root in the checkout; gives what it prints.

    There `$VENV` has what a device has, but for this program, which the script finds before it.
    """
    linux_machine.check()
    root = _root()
    inside = f"""
cd {linux_machine.PLACE}
export HOME=/root PYTHONDONTWRITEBYTECODE=1 VENV=/{_VENV} PYTHONPATH=/{_PYTEST}:$PWD
ln -s system '/dev/dma_heap/linux,cma'
modprobe vimc
modprobe vivid n_devs=1 node_types=0x1
udevadm settle
{script}
"""
    system = linux_machine.System(root, root / "kernel", CHECKOUT)
    return linux_machine.run(inside, timeout, system)[1]


def _root() -> Path:
    texts = [path.read_text() for path in sorted(_WITHOUT_A_PI.glob("*.py"))]
    texts += [path.read_text() for path in (_EDGE, _DEV, Path(__file__))]
    recipe = hashlib.sha256("".join(texts).encode()).hexdigest()[:12]
    root = cache() / f"pi-machine-{recipe}"
    with (cache() / "pi-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
                raise CannotRun("needs mmdebstrap, and root to make the machine")
            with tempfile.TemporaryDirectory(prefix="half-pi-", dir=cache()) as name:
                half = Path(name) / "root"
                _make(half)
                for older in cache().glob("pi-machine-*"):
                    shutil.rmtree(older)
                half.rename(root)
    return root


def _make(root: Path) -> None:
    include = f"--include={','.join(_PACKAGES)}"
    options = ["--variant=minbase", "--dpkgopt=force-unsafe-io", include]
    said("mmdebstrap", *options, _SUITE, str(root), *_mirror())
    _compile_camera(root)
    keep(root, ["vimc", "vivid"], root / "kernel")
    for unused in ("boot", "usr/src", "usr/lib/modules", "usr/libexec/gcc", "usr/share/doc"):
        shutil.rmtree(root / unused)
    packages = root / "usr/lib/python3/dist-packages"
    _pip_install("--no-deps", "--target", str(packages), *_PICAMERA2)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps"]
        said(*command, "--no-binary", ":all:", "--dest", folder, _PIDNG)
        with tarfile.open(next(Path(folder).glob("*.tar.gz"))) as source:
            source.extractall(folder, filter="data")
        shutil.copytree(next(Path(folder).glob("*/src/pidng")), packages / "pidng")
    for path in _WITHOUT_A_PI.glob("*.py"):
        shutil.copy(path, packages)
    (packages / "without_a_pi.pth").write_text("import without_a_pi\n")
    (root / "etc/udev/rules.d/99-com.rules").write_text(_RULE)
    said("chroot", str(root), "/usr/bin/python3", "-m", "venv", "--without-pip", f"/{_VENV}")
    site = root / _VENV / f"lib/python{_PYTHON}/site-packages"
    _pip_install("--target", str(site), "-r", str(_EDGE))
    wanted = re.findall(r"^(?:pytest|requests)[<>=].*", _DEV.read_text(), re.M)
    _pip_install("--target", str(root / _PYTEST), *wanted)


def _compile_camera(root: Path) -> None:
    version = next((root / "usr/lib/modules").iterdir()).name
    archive = next((root / "usr/src").glob("linux-source-*.tar.xz"))
    script = f"""
set -e
cd /usr/src
tar -xf {archive.name} --wildcards '*/{_VIMC}'
cd */{_VIMC}
make -s -C /usr/src/linux-headers-{version} M=$PWD CONFIG_VIDEO_VIMC=m modules
mkdir -p /usr/lib/modules/{version}/extra
cp vimc.ko /usr/lib/modules/{version}/extra/
rm /usr/src/{archive.name}
"""
    said("chroot", str(root), "/bin/sh", "-c", script)


def _pip_install(*arguments: str) -> None:
    """For the Python inside, by the one outside."""
    command = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    said(*command, "--python-version", _PYTHON, "--only-binary", ":all:", *arguments)


def _mirror() -> list[str]:
    """Debian 13 from where this machine's own Debian comes from."""
    folder = Path("/etc/apt")
    files = [*folder.glob("sources.list"), *folder.glob("sources.list.d/*.list")]
    files += folder.glob("sources.list.d/*.sources")
    texts = "\n".join(path.read_text() for path in files)
    found = re.search(r"^(?:URIs: *|deb (?:\[.*\] )?)(\S+/debian/?)(?: |$)", texts, re.M)
    return [f"deb {found[1]} {_SUITE} main"] if found else []
