"""A Linux machine with cameras: Debian's kernel in QEMU, on this machine's own files.

The root inside is this machine's, read-only under a layer in memory, so programs, virtual
environments and checkout are where they are outside. It has the test camera of the kernel (vivid)
and can have USB cameras (vhci-hcd). Needs no KVM, no network and, once the kernel is in the cache,
no root. Run as a script: the command's output comes as it is printed, then its exit status.
"""

from __future__ import annotations

import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from linux_kernel import PATH, ROOT_MODULES, CannotRun, debian_kernel, environment, needed

TOOLS = ("qemu-system-x86_64", "apt-get", "apt-cache", "dpkg-deb", "depmod", "modprobe", "cpio")
BUSYBOX = Path("/bin/busybox")
UDEVD = Path("/lib/systemd/systemd-udevd")
_CAMERA_MODULES = ("vivid", "uvcvideo", "vhci-hcd")
_DONE = "v4l2-machine: exit status "

_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in {root_modules}; do insmod $module; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro root /host
mount -t tmpfs -o size=512m memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host{root},upperdir=/memory/upper,workdir=/memory/work overlay /new
mkdir -p /new/lib/modules
cp -r /lib/modules/* /new/lib/modules/
ip link set lo up
"""
_RUN = """
for folder in proc sys dev; do mount --move /$folder /new/$folder; done
mount -t tmpfs run /new/run
mkdir -p /new/dev/shm
mount -t tmpfs shm /new/dev/shm
cp /command /new/run/command
exec chroot /new /bin/sh -c '
{udevd} --daemon
sh /run/command >/dev/ttyS1 2>&1 </dev/null
echo "{done}$?" >/dev/ttyS1
sync
echo o >/proc/sysrq-trigger
sleep 30'
"""
_BOOT = """
mkdir /new{place}
mount --bind /host{shown} /new{place}
cp /command /new/etc/command
units=/new/etc/systemd/system
cat >$units/command.service <<UNIT
[Service]
Type=oneshot
StandardOutput=file:/dev/ttyS1
StandardError=inherit
ExecStart=/bin/sh -c 'sh /etc/command; echo "{done}\\$\\$?"; sync; echo o >/proc/sysrq-trigger'
UNIT
mkdir -p $units/multi-user.target.wants
ln -s ../command.service $units/multi-user.target.wants
for folder in proc sys dev; do mount --move /$folder /new/$folder; done
exec switch_root /new /lib/systemd/systemd
"""


# Not below /tmp or a home, which systemd lays something over, and the service's sandbox too.
PLACE = "/checkout"


@dataclass(frozen=True)
class System:
    """Another system than this machine's own: its root, with systemd, and its kernel.

    kernel  of linux_kernel.keep()
    shown   a folder of this machine that is to be seen there, as PLACE
    """

    root: Path
    kernel: Path
    shown: Path


def check() -> None:
    """Raises CannotRun with what to install."""
    if platform.machine() != "x86_64":
        raise CannotRun("the machine with cameras runs on x86-64 only")
    tools = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    tools += [str(path) for path in (BUSYBOX, UDEVD) if not path.exists()]
    if tools:
        raise CannotRun(
            f"not installed: {', '.join(tools)}; install qemu-system-x86, busybox-static, "
            "udev, kmod and cpio"
        )


def run(script: str, timeout: float, system: System | None = None) -> tuple[int, str]:
    """Boots, runs a shell script as root, powers off: its exit status and output.

    Raises TimeoutError, with what was printed, where that takes more than `timeout` seconds.
    """
    check()
    kernel = system.kernel if system else debian_kernel(_CAMERA_MODULES)
    with tempfile.TemporaryDirectory(prefix="v4l2-machine-") as name:
        folder = Path(name)
        initrd = _initrd(kernel, script, folder, system)
        output = folder / "output"
        output.touch()
        console = folder / "console"
        command = [
            # The death signal ends the machine even when the tests are killed.
            *("setpriv", "--pdeathsig", "KILL"),
            *("qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-smp", "2", "-m", "1536"),
            # Never KVM: nested in another machine it may be there and not start.
            *("-accel", "tcg,thread=multi"),
            *("-nodefaults", "-no-user-config", "-display", "none"),
            *("-no-reboot", "-kernel", str(kernel / "vmlinuz"), "-initrd", str(initrd)),
            *("-append", "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"),
            *("-serial", f"file:{console}", "-serial", f"file:{output}"),
            "-fsdev",
            "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
            *("-device", "virtio-9p-pci,fsdev=root,mount_tag=root"),
        ]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment()) as machine:
            try:
                machine.wait(timeout)
            except subprocess.TimeoutExpired as error:
                said = output.read_text(errors="replace") + console.read_text(errors="replace")
                raise TimeoutError(f"not over in {timeout:.0f} s: {said[-3000:]}") from error
            finally:
                machine.kill()
        said = output.read_bytes().decode(errors="replace").replace("\r\n", "\n")
        before, found, status = said.rpartition(_DONE)
        if not found:
            raise OSError(f"the machine broke down: {console.read_text(errors='replace')[-3000:]}")
        return int(status), before


def _initrd(kernel: Path, script: str, folder: Path, system: System | None) -> Path:
    root = folder / "root"
    for name in ("bin", "proc", "sys", "dev", "host", "memory", "new"):
        (root / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    shutil.copytree(kernel / "lib", root / "lib")
    version = next((kernel / "lib/modules").iterdir()).name
    modules = [path for module in ROOT_MODULES for path in needed(kernel, version, module)]
    init = root / "init"
    paths = " ".join(f"/{path.relative_to(kernel)}" for path in dict.fromkeys(modules))
    text = _INIT + (_BOOT if system else _RUN)
    other, shown = (system.root, system.shown) if system else ("", "")
    init.write_text(
        text.format(
            root_modules=paths, root=other, shown=shown, place=PLACE, udevd=UDEVD, done=_DONE
        )
    )
    init.chmod(0o755)
    (root / "command").write_text(script)
    names = "\0".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    initrd = folder / "initrd"
    with initrd.open("wb") as file:
        subprocess.run(
            ["cpio", "--null", "--create", "--format=newc", "--owner=0:0", "--quiet"],
            cwd=root,
            input=names.encode(),
            stdout=file,
            check=True,
            env=environment(),
        )
    return initrd


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: scripts/v4l2-machine COMMAND...", file=sys.stderr)
        return 2
    script = f"cd {shlex.quote(str(Path.cwd()))}; {shlex.join(sys.argv[1:])}"
    try:
        status, said = run(script, timeout=900)
    except (CannotRun, OSError) as error:
        print(f"scripts/v4l2-machine: {error}.", file=sys.stderr)
        return 1
    print(said, end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
