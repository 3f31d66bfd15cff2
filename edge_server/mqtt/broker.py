"""Which broker, as whom: from the settings, with nothing of a password in any sentence."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_server.errors import SettingError

# By scheme; the ports are those registered with IANA.
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}
_EXAMPLE: Final = "write mqtt://HOST, mqtt://USER@HOST:1883 or mqtts://USER@HOST"


@dataclass(frozen=True)
class Broker:
    """An address and who logs in there; `tls` is how to encrypt, None for not at all."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None

    @property
    def where(self) -> str:
        """The address, for people."""
        return f"{self.host}:{self.port}"


def check(text: str) -> None:
    """Raises SettingError where an address is none."""
    _parse(text)


def from_settings(address: str, password_file: Path | None, authority: Path | None) -> Broker:
    """The broker of `address`; its password may stand in the first line of a file.

    `authority` is the certificate, PEM, by which the broker's is judged; None for those that the
    system knows. Raises SettingError.
    """
    scheme, host, port, user, password = _parse(address)
    if password_file is not None:
        if password is not None:
            raise SettingError(
                "Give the broker's password either in --mqtt or in --mqtt-password-file, not both."
            )
        if user is None:
            raise SettingError(
                "--mqtt-password-file needs the user that it is for: --mqtt mqtt://USER@HOST."
            )
        password = _first_line(password_file)
    tls = None
    if scheme == "mqtts":
        tls = _context(authority)
    elif authority is not None:
        raise SettingError("--mqtt-ca is for encrypted connections: write --mqtt mqtts://HOST.")
    return Broker(host, port, user, password, tls)


def _parse(text: str) -> tuple[str, str, int, str | None, str | None]:
    """Scheme, host, port, user, password."""
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # a character of the password may have ended the host
        raise SettingError(
            f"the broker's address is not understood: {_EXAMPLE}, and in a user or password "
            "%2F for /, %3F for ?, %23 for #."
        ) from None
    if parts.scheme not in _PORTS or not host:
        raise SettingError(f"the broker's address is not understood: {_EXAMPLE}.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingError(
            "the broker's address ends with its port: the topic is set with --mqtt-topic."
        )
    if parts.netloc.count("@") > 1:
        raise SettingError("the broker's user or password has an @: write it as %40.")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    if password is not None and not user:
        raise SettingError(f"the broker's address has a password without a user: {_EXAMPLE}.")
    return parts.scheme, host, port or _PORTS[parts.scheme], user, password


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not in UTF-8"
        raise SettingError(
            f"The password file {path} can't be read ({reason}): write the password into its "
            "first line."
        ) from error
    if not lines or not lines[0]:
        raise SettingError(f"The password file {path} is empty: write the password into it.")
    return lines[0]


def _context(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:  # ssl.SSLError is one
        raise SettingError(
            f"The certificate {authority} can't be used ({error.strerror or error}): give the "
            "PEM file of whoever signed the broker's certificate."
        ) from error
