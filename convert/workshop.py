"""A place for unfinished files, and the step that makes finished ones appear: all or nothing."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import Final

from convert.errors import BuildError

MODEL_NAME: Final = "model.tflite"
REJECTED_NAME: Final = "model.rejected.tflite"
PREVIOUS_NAME: Final = "model.previous.tflite"
REPORT_NAME: Final = "report.json"
PAGE_NAME: Final = "report.html"


class Workshop:
    """A hidden directory inside the output directory, so that finished files only have to be
    renamed. It goes at the end of the `with` block, whatever happens in it."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.path = output / f".build-{secrets.token_hex(4)}"
        self._made = False

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
            self.path.mkdir(mode=0o700)
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

    def _clear(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._made:
            with contextlib.suppress(OSError):  # it is kept when something stands in it
                self.output.rmdir()

    def put(self, name: str, content: bytes) -> Path:
        """Write an unfinished file. Raises BuildError where the disk does not take it."""
        path = self.path / name
        try:
            path.write_bytes(content)
        except OSError as error:
            raise BuildError(
                f"{len(content) / 1e6:.1f} MB can't be written to {self.output} "
                f"({error.strerror}): make room there, or choose another --output."
            ) from error
        return path

    def publish(
        self, model: Path, report: bytes, page: bytes, *, passed: bool
    ) -> tuple[Path, Path, Path]:
        """Make the model, its report and the report's page appear; returns their paths.

        A rejected model never stands under the name that gets deployed, and neither does an older
        one beside a report that is not its own: that one is kept as PREVIOUS_NAME.
        """
        accepted, rejected = self.output / MODEL_NAME, self.output / REJECTED_NAME
        written, shown = self.put(REPORT_NAME, report), self.put(PAGE_NAME, page)
        model.chmod(0o644)
        if passed:
            model.replace(accepted)
            rejected.unlink(missing_ok=True)
        else:
            if accepted.exists():
                accepted.replace(self.output / PREVIOUS_NAME)
            model.replace(rejected)
        written.replace(self.output / REPORT_NAME)
        shown.replace(self.output / PAGE_NAME)
        file = accepted if passed else rejected
        return file, self.output / REPORT_NAME, self.output / PAGE_NAME
