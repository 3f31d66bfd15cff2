"""TLS from a certificate and a key in PEM files, read anew when they change."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from pathlib import Path
from typing import Final

from edge_server.errors import SettingError
from edge_server.logs import fields

_log = logging.getLogger(__name__)

# How often the files are looked at, seconds: a renewed certificate is in use soon enough.
_LOOK_SECONDS: Final = 1.0
# What OpenSSL calls it; the last, where the key is of another kind than the certificate's.
_MISMATCHES: Final = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class Certificate:
    """A certificate with its key. Not for several threads at once."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Raises SettingError where the files can't be used."""
        self._certificate, self._key = certificate, key
        self._stamp = self._look()
        self._looked = time.monotonic()
        self._context = _context(certificate, key)

    def wrap(self, accepted: socket.socket) -> ssl.SSLSocket:
        """A connection's socket, its handshake still to do, with the newest certificate."""
        self._refresh()
        return self._context.wrap_socket(
            accepted,
            server_side=True,
            do_handshake_on_connect=False,
        )

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            # A new one: half of a change must not be served, and it may be half done.
            self._context = _context(self._certificate, self._key)
            told = fields(file=str(self._certificate))
            _log.info("the certificate was read again", extra=told)
        except SettingError as error:
            _log.warning("%s Until then the certificate from before is used.", error)

    def _look(self) -> list[tuple[int, int, int]]:
        stamp = []
        for path in (self._certificate, self._key):
            try:
                status = path.stat()
                stamp.append((status.st_mtime_ns, status.st_size, status.st_ino))
            except OSError:
                stamp.append((0, 0, 0))
        return stamp


class _Encrypted(Exception):
    """The key asks for a password."""


def _no_password() -> str:
    raise _Encrypted


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    for path, option in ((certificate, "--tls-cert"), (key, "--tls-key")):
        try:
            path.open("rb").close()
        except OSError as error:
            raise SettingError(
                f"{path} can't be read ({error.strerror}): {option} names a PEM file that the "
                "server's user may read."
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Encrypted:
        raise SettingError(
            f"{key} is encrypted, and nobody is there to type its password: decrypt it with "
            f"openssl pkey -in {key} -out FILE, and let only the server's user read FILE."
        ) from None
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or str(error)
        if reason in _MISMATCHES:
            raise SettingError(
                f"{key} is not the key of {certificate}: give the two that belong together."
            ) from error
        raise SettingError(
            f"{certificate} with {key} can't be used ({reason}): give a certificate, with its "
            "chain after it, and its key, both as PEM."
        ) from error
    return context
