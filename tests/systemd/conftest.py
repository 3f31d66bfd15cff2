"""Debian machines: a root is made once and cached, then booted by systemd-nspawn, or entered.

Knows nothing of the product. Inside, pip is configured as it is on this machine.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED_ON = "bookworm"
PACKAGES = "ca-certificates,curl,dbus,procps,python3,python3-venv,sudo,systemd,systemd-sysv"
USER, HOME = 1000, Path("/home/maker")
TOOLS = ("mmdebstrap", "systemd-nspawn", "zstd", "nsenter", "setpriv", "unshare")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POWER_OFF = signal.SIGRTMIN + 4  # understood by a systemd that is process 1
# In CI what a test needs has to be there; on a developer's machine it may be missing.
REQUIRED = "container" in os.environ.get("EDGE_TEST_REQUIRE", "").split(",")
REBOOTED = 133  # systemd-nspawn ends so when its machine reboots and it may not start it itself


class Machine:
    """A root directory, and the container booted from it. Shares this machine's network."""

    def __init__(self, suite: str, root: Path, log: Path) -> None:
        self.suite = suite
        self.root = root
        self.log = log
        self.port = free_port()
        self._nspawn: subprocess.Popen[bytes] | None = None

    def boot(self, timeout: float = 40) -> None:
        """Start systemd inside. Raises TimeoutError, with what its console said, when it fails."""
        binds = [f"--bind-ro={source}:{target}" for source, target in read_only_binds()]
        with self.log.open("ab") as console:
            self._nspawn = subprocess.Popen(
                [
                    # The death signal ends the container even when the tests are killed.
                    *("setpriv", "--pdeathsig", "TERM", "systemd-nspawn", "--quiet", "--boot"),
                    *(f"--directory={self.root}", "--register=no", "--keep-unit"),
                    *(f"--machine=edge-test-{os.getpid()}", "--console=pipe"),
                    *("--resolv-conf=replace-host", f"--bind={pip_cache()}", *binds),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            with contextlib.suppress(LookupError, subprocess.TimeoutExpired):
                waited = self.run("systemctl", "is-system-running", "--wait", timeout=timeout)
                if waited.stdout.strip() in ("running", "degraded"):
                    return
            time.sleep(0.2)
        self.kill()
        raise TimeoutError(f"systemd did not come up: {self.log.read_text()[-500:]}")

    def run(self, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as root in the booted machine; its standard error goes to its output."""
        inside = ["nsenter", f"--target={self._leader()}", "--mount", "--uts", "--ipc", "--pid"]
        inside += ["--cgroup", "--root", "--wd", "--", *command]
        return _run(inside, timeout)

    def run_in_chroot(self, script: str, timeout: float) -> subprocess.CompletedProcess[str]:
        """Run a shell script as root with this root directory, no systemd running.

        Its mounts and processes end with it.
        """
        return _run(self._in_chroot(script, pip_cache(), pip_cache(), Path("/root")), timeout)

    def run_as_user(self, script: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a bash script as an ordinary user in its own checkout, else as run_in_chroot()."""
        return _run(self._as_user(script), timeout, str(self.port))

    @contextlib.contextmanager
    def running_as_user(self, script: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command while the block runs; its standard error goes to its output.

        It leads a process group: what is sent to that reaches the script's programs, as from a
        terminal.
        """
        process = subprocess.Popen(
            self._as_user(script),
            env=_environment(str(self.port)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate(timeout=30)

    def _as_user(self, script: str) -> list[str]:
        # The death signal, since the change of user takes away the one of --kill-child.
        user = f"setpriv --reuid={USER} --regid={USER} --init-groups --pdeathsig KILL"
        variables = f"-u PIP_CACHE_DIR HOME={HOME} USER={HOME.name}"
        command = f"exec {user} env {variables} bash -euc {shlex.quote(f'cd ~/checkout; {script}')}"
        return self._in_chroot(command, pip_cache(USER), HOME / ".cache/pip", HOME)

    def _in_chroot(self, script: str, cache: Path, cached: Path, home: Path) -> list[str]:
        mounts = ["set -e", "mount -t proc proc proc", "mount --rbind /dev dev"]
        names = Path("/etc/resolv.conf")  # systemd-nspawn brings it by itself
        for source, target in [(cache, cached), (names, names), *read_only_binds(home)]:
            into = self.root / target.relative_to("/")
            if source.is_dir():
                into.mkdir(parents=True, exist_ok=True)
            else:
                into.parent.mkdir(parents=True, exist_ok=True)
                into.touch()
            access = "rw" if source == cache else "ro"
            mounts.append(f"mount --bind -o {access} '{source}' '{into}'")
        mounts.append('exec chroot . /bin/sh -c "$1"')
        unshared = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--wd={self.root}"]
        return [*unshared, "sh", "-c", "\n".join(mounts), "sh", script]

    def reboot(self) -> None:
        """Stop everything in order and boot again."""
        assert self._nspawn is not None
        self.run("systemctl", "reboot")
        assert self._nspawn.wait(30) == REBOOTED
        self.boot()

    def power_off(self) -> None:
        """End the container: in order, or after 20 seconds by force."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            with contextlib.suppress(LookupError, ProcessLookupError):
                os.kill(self._leader(), POWER_OFF)
            try:
                self._nspawn.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the container at once."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            with contextlib.suppress(LookupError, ProcessLookupError):
                os.kill(self._leader(), signal.SIGKILL)  # process 1: its whole namespace ends
            self._nspawn.kill()
            self._nspawn.wait(10)

    def _leader(self) -> int:
        """The process that is number 1 inside. Raises LookupError when there is none yet."""
        assert self._nspawn is not None
        number = self._nspawn.pid
        with contextlib.suppress(OSError):
            for child in Path(f"/proc/{number}/task/{number}/children").read_text().split():
                inside = re.search(
                    r"^NSpid:.*\s1$", Path(f"/proc/{child}/status").read_text(), re.M
                )
                if inside:
                    return int(child)
        raise LookupError(f"systemd-nspawn {number} has no process 1 yet")


def _environment(port: str = "") -> dict[str, str]:
    """For a command inside; `port` is where a server listens, if no option says otherwise."""
    edge = {"EDGE_PORT": port} if port else {}
    return {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **edge, **pip_environment()}


def _run(
    command: Sequence[str], timeout: float, port: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=_environment(port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def cache() -> Path:
    """Where what is costly to make is kept between runs, outside the checkout."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pip_cache(user: int = 0) -> Path:
    """pip uses only a cache that belongs to whoever runs it."""
    folder = cache() / (f"pip-{user}" if user else "pip")
    folder.mkdir(exist_ok=True)
    os.chown(folder, user, user)
    return folder


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pip_environment() -> dict[str, str]:
    """What this machine's environment tells pip: index, certificates, proxies."""
    names = re.compile(r"PIP_.+|(SSL_CERT|REQUESTS_CA|CURL_CA)_\w+|(https?|no|all)_proxy", re.I)
    told = {name: value for name, value in os.environ.items() if names.fullmatch(name)}
    told.pop("PIP_CONFIG_FILE", None)
    return {**told, "PIP_CACHE_DIR": str(pip_cache())}


def pip_configurations(home: Path) -> list[tuple[Path, Path]]:
    """pip's configuration files here, each with the place where pip looks for it inside."""
    user = [Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"]
    own = os.environ.get("PIP_CONFIG_FILE")
    candidates = [(Path("/etc/pip.conf"), Path("/etc/pip.conf"))]
    candidates += [(path, home / ".config/pip/pip.conf") for path in user[::-1]]
    candidates += [(Path(own), home / ".config/pip/pip.conf")] if own else []
    found = {target: source for source, target in candidates if source.is_file()}
    return [(source, target) for target, source in found.items()]


def read_only_binds(home: Path = Path("/root")) -> list[tuple[Path, Path]]:
    """The checkout, and the files and folders of this machine that pip's configuration names."""
    texts = [source.read_text() for source, _ in pip_configurations(home)]
    named = re.findall(r"(file://)?(/[^\s,:]+)", "\n".join([*texts, *pip_environment().values()]))
    # An index in a folder links to files beside that folder.
    paths = {Path(path).parent if scheme else Path(path) for scheme, path in named}
    paths = {path for path in paths if path.exists() and path not in (Path("/"), pip_cache())}
    binds = [
        (CHECKOUT, Path("/checkout")),
        *pip_configurations(home),
        *((path, path) for path in sorted(paths)),
    ]
    return [*binds, (Path("/etc/hosts"), Path("/etc/hosts"))]


def cached_root(suite: str) -> Path:
    """A Debian root as a .tar.zst, made by mmdebstrap when it is not in the cache."""
    recipe = hashlib.sha256(f"{suite} {PACKAGES}".encode()).hexdigest()[:12]
    archive = cache() / f"{suite}-{recipe}.tar.zst"
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            half = archive.with_name(f"half-{archive.name}")
            command = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}"]
            command += ["--dpkgopt=force-unsafe-io", *_apt_options(), suite, str(half)]
            made = _run([*command, *_apt_sources(suite)], timeout=400)
            if made.returncode:
                raise RuntimeError(f"mmdebstrap could not make {suite}: {made.stdout[-800:]}")
            half.rename(archive)
    return archive


def _apt_options() -> list[str]:
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True)
    wanted = re.findall(r"^Acquire::(?:Check-|https?::|Retries).*;$", dump.stdout, re.M)
    return [f"--aptopt={option}" for option in wanted]


def _apt_sources(suite: str) -> list[str]:
    """This machine's own sources where they are for the same Debian, else Debian's."""
    folder = Path("/etc/apt")
    files = [folder / "sources.list", *folder.glob("sources.list.d/*.list")]
    files += folder.glob("sources.list.d/*.sources")
    uses = re.compile(rf"^(?:deb .*|Suites:.*)\b{suite}\b", re.M)
    return [str(path) for path in files if path.is_file() and uses.search(path.read_text())]


def _without_container(why: str) -> NoReturn:
    if REQUIRED:
        pytest.fail(f"a Debian container is required here: {why}")
    pytest.skip(why)


def root_of(suite: str) -> Path:
    """The cached archive of a Debian root. Skips where such a root can't be made or used."""
    if os.geteuid() != 0:
        _without_container("making and booting a Debian root needs root")
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if missing:
        _without_container(f"not installed: {', '.join(missing)}")
    return cached_root(suite)


@pytest.fixture
def unbooted(tmp_path: Path) -> Iterator[Machine]:
    """A fresh Debian root in which no systemd runs."""
    with _unpacked(root_of(INSTALLED_ON), tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """Debian with Python as its installer leaves it, and a user who has just unpacked the product.

    Debian's installer brings no python3-venv. Raspberry Pi OS is this Debian with python3-venv in
    its image: what is here once that is installed. It is not the Pi's own image.
    """
    with _unpacked(root_of(request.param), tmp_path_factory.mktemp(request.param)) as new:
        made = new.run_in_chroot(
            "apt-get -qq update && apt-get -qq purge --yes 'python3.*-venv' && "
            f"useradd --uid {USER} --create-home --shell /bin/bash {HOME.name} && "
            f"echo '{HOME.name} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{HOME.name}",
            timeout=120,
        )
        assert made.returncode == 0, made.stdout
        _hand_over(new.root / HOME.relative_to("/"))
        yield new


def _hand_over(home: Path) -> None:
    """The checkout's files without git, for the user to write to."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=CHECKOUT, check=True, capture_output=True).stdout
    for name in names.decode().split("\0"):
        if name and (CHECKOUT / name).is_file():
            target = home / "checkout" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, target)
    for path in (home, *home.rglob("*")):
        os.chown(path, USER, USER, follow_symlinks=False)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted Debian machine. Skips where systemd-nspawn can't boot one."""
    with _unpacked(root_of(INSTALLED_ON), tmp_path_factory.mktemp("machine")) as booted:
        try:
            booted.boot()
        except TimeoutError as error:
            _without_container(f"systemd-nspawn can't boot here: {error}")
        try:
            yield booted
        finally:
            booted.power_off()


@contextlib.contextmanager
def _unpacked(archive: Path, folder: Path) -> Iterator[Machine]:
    root = folder / "root"
    root.mkdir()
    try:
        subprocess.run(["tar", "-xf", archive, "-C", root], check=True, timeout=120)
        yield Machine(archive.name.split("-")[0], root, folder / "console.log")
    finally:
        shutil.rmtree(root, ignore_errors=True)
