"""A Linux kernel for machines of the tests: taken out of Debian's package, with what is used."""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the root needs, before there is one to load modules from.
ROOT_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
_PACKAGE = "linux-image-amd64"


class CannotRun(Exception):
    """This machine can't run the other one; its text says what is missing."""


def debian_kernel(modules: Sequence[str]) -> Path:
    """This Debian's kernel as in keep(), from the cache or downloaded."""
    recipe = hashlib.sha256(repr((_PACKAGE, ROOT_MODULES, modules)).encode())
    kept = cache() / f"kernel-{recipe.hexdigest()[:12]}"
    with (cache() / "kernel-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fetch(kept, modules)
    return kept


def _fetch(kept: Path, modules: Sequence[str]) -> None:
    depends = said("apt-cache", "depends", "--important", _PACKAGE)
    package = depends.split("Depends: ")[-1].split()[0]
    with tempfile.TemporaryDirectory(prefix="kernel-", dir=cache()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        said("apt-get", "download", "-qq", package, cwd=folder)
        whole, half = folder / "whole", folder / "half"
        said("dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(whole))
        keep(whole, modules, half)
        half.rename(kept)


def keep(whole: Path, modules: Sequence[str], target: Path) -> None:
    """Of a root with a kernel: the kernel as `vmlinuz`, and modules with all that they need.

    Compressed modules are unpacked: busybox loads them as they are.
    """
    if not (whole / "lib").exists():  # Debian 13's package has /usr/lib alone
        (whole / "lib").symlink_to("usr/lib")
    version = next((whole / "lib/modules").iterdir()).name
    said("depmod", "-b", str(whole), version)
    source, folder = whole / "lib/modules" / version, target / "lib/modules" / version
    for module in (*ROOT_MODULES, *modules):
        for path in needed(whole, version, module):
            to = folder / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".xz":
                to.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
            else:
                shutil.copy(path, to)
    for path in source.glob("modules.builtin*"):
        shutil.copy(path, folder)
    (folder / "modules.order").touch()
    said("depmod", "-b", str(target), version)
    shutil.copy(whole / "boot" / f"vmlinuz-{version}", target / "vmlinuz")


def needed(root: Path, version: str, module: str) -> list[Path]:
    """The files of a module and of what it needs, in the order to load them."""
    shown = said("modprobe", "-d", str(root), "-S", version, "--show-depends", module)
    return [Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod ")]


def cache() -> Path:
    """Where downloads of the tests are kept."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def said(*command: str, cwd: Path | None = None) -> str:
    """What a system's program printed. Raises CannotRun where it fails."""
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRun(
            f"{' '.join(command)} failed ({done.stderr.strip()[-300:]}); "
            "where packages are not known, run apt-get update first"
        )
    return done.stdout


def environment() -> dict[str, str]:
    """For programs of the system."""
    return {**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8"}
