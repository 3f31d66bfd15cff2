"""Where the server listens, and who may ask it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_server.configuration.declaration import setting
from edge_server.guard.origins import check_origins


@dataclass(frozen=True)
class AccessSettings:
    host: str = setting(
        "127.0.0.1",
        "address to listen on; 0.0.0.0 for the whole LAN",
        "ADDRESS",
        reason="other machines get in only when asked for: an open port is a decision",
    )
    port: int = setting(
        8080,
        "port to listen on; 0 chooses a free one",
        "N",
        minimum=0,
        maximum=65535,
        reason="the usual port of a web server that is not run by root",
    )
    token_file: Path | None = setting(
        None,
        "file with a token a line; who asks for anything but health has to send one of them",
        "FILE",
        reason="this machine alone gets in as it is; who opens the port chooses the tokens",
    )
    cors: tuple[str, ...] = setting(
        (),
        "origin whose web pages may ask this server, such as https://example.org; * for all",
        "ORIGIN",
        reason="no page that somebody visits may look through this device's camera by itself",
        check=check_origins,
    )
    allow_host: tuple[str, ...] = setting(
        (),
        "name under which the server is reached, where it is one of the public DNS",
        "NAME",
        reason="without tokens, a foreign page could get in by a name that it leads to this device",
    )
    tls_cert: Path | None = setting(
        None,
        "certificate for HTTPS, PEM, with its chain; needs --tls-key",
        "FILE",
        reason="a certificate has to be made for the name under which the device is reached",
    )
    tls_key: Path | None = setting(
        None,
        "private key of --tls-cert, PEM, without a password",
        "FILE",
        reason="it belongs to the certificate",
    )
