"""HTTPS, with certificates made by openssl for the test."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
import requests

from edge_server.errors import SettingError
from edge_server.http.tls import Certificate

CLOSE = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make(folder, name, key="ec"):
    """A certificate for this machine that is its own authority, and its key."""
    certificate, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    openssl(
        *("req", "-x509", "-nodes", "-days", 2, "-subj", f"/CN={name}"),
        *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        *(kind if key == "ec" else ["-newkey", "rsa:2048"]),
        *("-keyout", key_file, "-out", certificate),
    )
    return certificate, key_file


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tls"), "first")


@pytest.fixture(scope="module")
def secure(server, pair):
    """A server that speaks HTTPS."""
    return server("--port", 0, "--viewers", 2, "--tls-cert", pair[0], "--tls-key", pair[1])


def trusting(certificate):
    return ssl.create_default_context(cafile=str(certificate))


def wrapped(process, certificate, **options):
    context = trusting(certificate)
    for name, value in options.items():
        setattr(context, name, value)
    connection = socket.create_connection(process.address, timeout=20)
    return context.wrap_socket(connection, server_hostname="127.0.0.1")


def test_pictures_pages_and_streams_come_over_https(secure, pair, digit):
    assert secure.url.startswith("https://")
    picture, label = digit(0)
    with requests.Session() as session:
        trust = {"verify": str(pair[0]), "timeout": 20}
        for _ in range(3):
            answer = session.post(secure.url + "/predict", picture, **trust)
            assert answer.json()["prediction"] == label
        assert session.get(secure.url + "/", **trust).status_code == 200
        stream = session.get(secure.url + "/camera/stream.mjpg", stream=True, **trust)
        chunks = stream.iter_content(65536)
        assert sum(len(next(chunks)) for _ in range(5)) > 5
        stream.close()


def test_a_large_upload_comes_over_https(secure, pair):
    answer = requests.post(
        secure.url + "/predict", b"x" * 20_000_000, timeout=20, verify=str(pair[0])
    )
    assert (answer.status_code, list(answer.json())) == (415, ["error"])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("version", "taken"),
    [(ssl.TLSVersion.TLSv1_3, True), (ssl.TLSVersion.TLSv1_2, True), ("old", False)],
)
def test_old_versions_of_tls_are_not_spoken(version, taken, secure, pair):
    if not taken:
        context = trusting(pair[0])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = (
            ssl.TLSVersion.TLSv1,
            ssl.TLSVersion.TLSv1_1,
        )
        with (
            socket.create_connection(secure.address, timeout=20) as connection,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(connection, server_hostname="127.0.0.1")
        return
    with wrapped(secure, pair[0], maximum_version=version) as connection:
        assert connection.version() == version.name.replace("v1_", "v1.")


def test_plain_http_is_told_to_use_https(secure, connect, read):
    ((status, document),) = read(connect(secure, CLOSE))
    assert (status, document["error"][:32]) == (400, "This server speaks HTTPS here: a")


@pytest.mark.parametrize("data", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"])
def test_handshakes_that_never_end_hold_nobody_up(data, secure, pair, connect):
    held = [connect(secure, data) for _ in range(100)]
    began = time.monotonic()
    for _ in range(3):
        answer = requests.get(secure.url + "/healthz", timeout=10, verify=str(pair[0]))
        assert answer.json() == {"status": "alive"}
    assert time.monotonic() - began < 3
    assert len(held) == 100


def test_what_is_no_handshake_leaves_no_trace_in_the_log(secure, pair, connect, read):
    for data in (b"\x80\x00\x00", b"SSH-2.0-x\r\n", bytes(range(256)) * 10):
        connection = connect(secure, data)
        try:
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1000):
                pass
        except OSError:  # the server has ended the connection already
            pass
    for _ in range(3):  # leaves in the middle of a request, and of an answer
        with wrapped(secure, pair[0]) as connection:
            connection.sendall(CLOSE[:-5])
        with wrapped(secure, pair[0]) as connection:
            connection.sendall(b"GET /camera/stream.mjpg HTTP/1.1\r\nHost: a\r\n\r\n")
            connection.recv(100)
    answer = requests.get(secure.url + "/healthz", timeout=10, verify=str(pair[0]))
    assert answer.status_code == 200
    time.sleep(1)
    for word in ("Traceback", "WARNING", "ERROR"):
        assert word not in secure.log


def test_a_renewed_certificate_is_in_use_without_a_restart(server, tmp_path, until):
    certificate, key = make(tmp_path, "old")
    process = server("--port", 0, "--camera", "none", "--tls-cert", certificate, "--tls-key", key)

    def names():
        pem = ssl.get_server_certificate(process.address, timeout=10)
        (tmp_path / "seen.pem").write_text(pem)
        return openssl_text(tmp_path / "seen.pem")

    def openssl_text(path):
        command = ["openssl", "x509", "-noout", "-subject", "-in", str(path)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "old" in names()
    new_certificate, new_key = make(tmp_path, "new")
    new_certificate.replace(certificate)  # half of a change is not served
    time.sleep(1.2)
    assert "old" in names()
    process.wait_for("(Until then the certificate from before is used)")
    new_key.replace(key)
    time.sleep(1.2)
    assert "new" in names()


@pytest.fixture
def files(tmp_path):
    """Pairs of files that are wrong, and what is said of them."""
    certificate, key = make(tmp_path, "good", key="rsa")
    _, other = make(tmp_path, "other", key="rsa")
    _, of_another_kind = make(tmp_path, "curve")
    encrypted, empty = tmp_path / "encrypted.key", tmp_path / "empty.pem"
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", encrypted)
    empty.write_text("")
    return {
        "mismatch": (certificate, other, "other.key is not the key of"),
        "of another kind": (certificate, of_another_kind, "curve.key is not the key of"),
        "encrypted": (certificate, encrypted, "is encrypted, .* openssl pkey -in"),
        "no certificate": (tmp_path / "none.pem", key, "No such file.*--tls-cert names a PEM"),
        "no key": (certificate, tmp_path / "none.key", "No such file.*--tls-key names a PEM"),
        "a folder": (tmp_path, key, "can't be read"),
        "empty": (empty, key, "can't be used .*both as PEM"),
        "swapped": (key, certificate, "can't be used .*both as PEM"),
    }


@pytest.mark.parametrize(
    "case",
    [
        *("mismatch", "of another kind", "encrypted", "no certificate", "no key"),
        *("a folder", "empty", "swapped"),
    ],
)
def test_files_that_can_not_be_used_are_refused_with_a_sentence(case, files):
    certificate, key, words = files[case]
    with pytest.raises(SettingError, match=words) as caught:
        Certificate(certificate, key)
    assert str(caught.value).endswith(".")


def test_a_good_pair_is_taken(files):
    certificate, _, _ = files["encrypted"]
    Certificate(certificate, Path(str(certificate).replace(".pem", ".key")))


def test_one_of_the_two_alone_is_one_sentence_and_status_2(server, pair):
    process = server("--port", 0, "--tls-cert", pair[0])
    assert process.end() == 2
    assert "give --tls-cert and --tls-key" in process.log


def test_a_slow_viewer_over_https_gets_whole_pictures(secure, pair):
    with wrapped(secure, pair[0]) as connection:
        connection.sendall(b"GET /camera/stream.mjpg?width=320 HTTP/1.1\r\nHost: a\r\n\r\n")
        file = connection.makefile("rb")
        while file.readline().strip():
            pass
        for _ in range(5):
            assert file.readline().startswith(b"--")
            headers = dict(iter(lambda: tuple(file.readline().split(b": ", 1)), (b"\r\n",)))
            left = int(headers[b"Content-Length"])
            data = b""
            while left:  # no more than this at a time, so that the server has to wait
                piece = file.read(min(left, 1500))
                left, data = left - len(piece), data + piece
                time.sleep(0.01)
            assert (data[:2], data[-2:]) == (b"\xff\xd8", b"\xff\xd9")
            assert file.readline() == b"\r\n"
