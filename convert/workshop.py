"""A place for unfinished files, and the step that makes finished ones appear.

A report that stands in the output directory describes the model that stands there, at every moment
of a kill too: the old report goes before the model changes, the new one comes after it. A model
without a report is one whose publishing was cut short.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from convert.errors import BuildError

MODEL_NAME: Final = "model.tflite"
REJECTED_NAME: Final = "model.rejected.tflite"
PREVIOUS_NAME: Final = "model.previous.tflite"
REPORT_NAME: Final = "report.json"
PAGE_NAME: Final = "report.html"
_PREFIX: Final = ".build-"
_LOCK: Final = "lock"


class Workshop:
    """A hidden directory inside the output directory, so that finished files only have to be
    renamed. It goes at the end of the `with` block, whatever happens in it; what a killed process
    left is taken away by the next one."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.path = output / f"{_PREFIX}{secrets.token_hex(4)}"
        self._made = False
        self._lock: int | None = None

    def __enter__(self) -> Workshop:
        """Raises BuildError where the output directory can't be written."""
        try:
            self._open()
        except BaseException:  # an interrupt too: no __exit__ follows
            self._clear()
            raise
        return self

    def _open(self) -> None:
        try:
            self._made = not self.output.exists()
            self.output.mkdir(parents=True, exist_ok=True)
            self._clear_killed()
            self._claim()
        except OSError as error:
            raise BuildError(
                f"The output directory {self.output} can't be written ({error.strerror}): "
                "choose another with --output."
            ) from error
        # Renaming onto a directory would fail after the other file is in its place.
        for name in (MODEL_NAME, REJECTED_NAME, PREVIOUS_NAME, REPORT_NAME, PAGE_NAME):
            if (self.output / name).is_dir():
                raise BuildError(
                    f"{self.output / name} is a directory, where a file has to be written: "
                    "remove it, or choose another --output."
                )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def _claim(self) -> None:
        """Make the directory, with a lock for as long as this process lives."""
        while self._lock is None:
            self.path.mkdir(mode=0o700, exist_ok=True)
            lock = os.open(self.path / _LOCK, os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):  # there are file systems without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if self.path.exists():
                self._lock = lock
            else:  # another process took it for a dead one's, before it was locked
                os.close(lock)

    def _clear_killed(self) -> None:
        """Take away the directories of processes that are gone: nobody holds their locks."""
        for left in self.output.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                lock = os.open(left / _LOCK, os.O_WRONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(left, ignore_errors=True)
                finally:
                    os.close(lock)

    def _clear(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if self._made:
            with contextlib.suppress(OSError):  # it is kept when something stands in it
                self.output.rmdir()

    def put(self, name: str, content: bytes) -> Path:
        """Write an unfinished file. Raises BuildError where the disk does not take it."""
        path = self.path / name
        with self._room(len(content)):
            path.write_bytes(content)
        return path

    @contextlib.contextmanager
    def _room(self, size: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BuildError(
                f"{size / 1e6:.1f} MB can't be written to {self.output} "
                f"({error.strerror}): make room there, or choose another --output."
            ) from error

    def publish(
        self, model: Path, report: bytes, page: bytes, *, passed: bool
    ) -> tuple[Path, Path, Path]:
        """Make the model, its report and the report's page appear; returns their paths.

        A rejected model never stands under the name that gets deployed, and neither does an older
        one beside a report that is not its own: that one is kept as PREVIOUS_NAME.
        """
        news = (self.put(REPORT_NAME, report), self.put(PAGE_NAME, page))
        model.chmod(0o644)
        for file in (model, *news):
            with self._room(file.stat().st_size):
                _sync(file)
        try:
            self._appear(model, news, passed=passed)
        except BaseException:
            # An interrupt in the middle: what is left of it is done before it counts.
            self._appear(model, news, passed=passed)
            raise
        file = self.output / (MODEL_NAME if passed else REJECTED_NAME)
        return file, self.output / REPORT_NAME, self.output / PAGE_NAME

    def _appear(self, model: Path, news: Sequence[Path], *, passed: bool) -> None:
        """The order is what the module promises; a second call does what is left of the first."""
        accepted, rejected = self.output / MODEL_NAME, self.output / REJECTED_NAME
        if model.exists():
            for new in news:
                (self.output / new.name).unlink(missing_ok=True)
            self._sync_names()
            if passed:
                model.replace(accepted)
            else:
                if accepted.exists():
                    accepted.replace(self.output / PREVIOUS_NAME)
                model.replace(rejected)
            self._sync_names()
        if passed:
            rejected.unlink(missing_ok=True)
        for new in news:
            if new.exists():
                new.replace(self.output / new.name)
        self._sync_names()

    def _sync_names(self) -> None:
        """A power cut keeps the order of the steps too, where the file system can."""
        with contextlib.suppress(OSError):
            _sync(self.output)


def _sync(path: Path) -> None:
    """Bring a file's content, or a directory's names, to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
