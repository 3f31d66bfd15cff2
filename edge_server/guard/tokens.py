"""Tokens in a file: a line each, read anew when the file changes. Knows nothing of HTTP."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_server.errors import SettingError
from edge_server.logs import fields

_log = logging.getLogger(__name__)

# With so many random characters nobody guesses one, however fast a server answers.
MIN_LENGTH: Final = 16
_MAX_BYTES: Final = 64 * 1024
_MAKE_ONE: Final = "make one with: openssl rand -hex 16"


@dataclass(frozen=True)
class _Contents:
    """What a file held. The tokens themselves are not kept, so that nothing can give them away."""

    stamp: tuple[int, ...]
    digests: tuple[bytes, ...]


class TokenFile:
    """Knows whether a token stands in a file; safe from any thread.

    The file has one token a line; empty lines and lines that begin with # count for nothing. What
    the file says now is what counts: a token taken out of it is refused at once, and while the
    file can't be read, so is everyone.
    """

    def __init__(self, path: Path) -> None:
        """Raises SettingError where the file can't be read, or is not safe to use."""
        self._path = path
        self._contents = self._read()

    def holds(self, token: str) -> bool:
        """Whether this is one of the tokens; takes as long for any wrong one."""
        given = _digest(token)
        # All are compared: where it stopped would tell something about which is right.
        digests = self._current().digests
        return sum(hmac.compare_digest(given, digest) for digest in digests) > 0

    def _current(self) -> _Contents:
        contents = self._contents
        try:
            stamp = _stamp(self._path.stat())
        except OSError:
            stamp = ()
        if stamp == contents.stamp:
            return contents
        try:
            self._contents = fresh = self._read()
            told = fields(file=str(self._path), tokens=len(fresh.digests))
            _log.info("the token file was read again", extra=told)
        except SettingError as error:
            self._contents = fresh = _Contents(stamp, ())
            _log.error("%s Until then nobody is let in.", error)
        return fresh

    def _read(self) -> _Contents:
        try:
            with self._path.open("rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise SettingError(f"{self._path} is no file: name one with a token a line.")
                text = file.read(_MAX_BYTES + 1).decode()
        except OSError as error:
            raise SettingError(
                f"{self._path} can't be read ({error.strerror}): --token-file names a file with "
                f"a token a line; {_MAKE_ONE}"
            ) from error
        except UnicodeDecodeError as error:
            raise SettingError(f"{self._path} is no text: write a token a line.") from error
        if len(text) > _MAX_BYTES:
            raise SettingError(f"{self._path} is over 64 KiB: write a token a line.")
        self._check_rights(status)
        return _Contents(_stamp(status), tuple(map(_digest, self._parse(text))))

    def _check_rights(self, status: os.stat_result) -> None:
        if status.st_mode & stat.S_IWOTH:
            raise SettingError(
                f"Everybody on this machine can write to {self._path}: run chmod 600 {self._path}."
            )
        # No more than a warning: containers are given their secrets in files like this.
        if status.st_mode & stat.S_IROTH:
            _log.warning(
                "everybody on this machine can read %s: run chmod 600 %s", self._path, self._path
            )

    def _parse(self, text: str) -> list[str]:
        tokens = []
        for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
            token = line.strip()
            if not token or token.startswith("#"):
                continue
            if not (token.isascii() and token.isprintable() and " " not in token):
                raise SettingError(
                    f"Line {number} of {self._path} is no token: use letters and digits without "
                    f"spaces; {_MAKE_ONE}"
                )
            if len(token) < MIN_LENGTH:
                raise SettingError(
                    f"The token in line {number} of {self._path} is too short to withstand "
                    f"guessing: use {MIN_LENGTH} characters or more; {_MAKE_ONE}"
                )
            tokens.append(token)
        if not tokens:
            raise SettingError(f"There is no token in {self._path}: {_MAKE_ONE}")
        return tokens


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
