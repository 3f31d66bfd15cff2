"""How the server begins, refuses to begin, and ends."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import closing

import pytest
import requests

SIGTERM_SECONDS = 12  # more than the grace for what is in flight, less than for ever


def ask(server, data):
    return requests.post(server.url + "/predict", data, timeout=20).json()


def page(server):
    return requests.get(server.url, headers={"Accept": "text/html"}, timeout=10).text


def ended(process, status):
    """The one sentence of a server that did not begin."""
    assert process.end() == status, process.log
    said = [line for line in process.log.splitlines() if line.startswith("edge-server: ")]
    assert "Traceback" not in process.log
    assert len(said) == 1, process.log
    assert said[0].endswith(".")
    return said[0]


def test_the_environment_sets_what_the_command_line_does_not(server, colour_file, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("rot\ngrün\nblau\n", encoding="utf-8")
    process = server(
        environment={
            "EDGE_MODEL": str(colour_file()),
            "EDGE_LABELS": str(labels),
            "EDGE_PREPROCESSING": "unit",
            "EDGE_PORT": "0",
            "EDGE_HOST": "127.0.0.1",
            "EDGE_TITLE": "Farben",
        }
    )
    assert "<h1>Farben</h1>" in page(process)
    assert requests.get(process.url + "/readyz", timeout=10).json()["camera"] is None


def test_a_model_of_one_s_own_answers_with_one_s_own_labels(
    server, colour_file, tmp_path, paint, encode
):
    labels = tmp_path / "labels.txt"
    labels.write_text("rot\ngrün\nblau\n", encoding="utf-8")
    arguments = ("--model", colour_file(), "--labels", labels, "--preprocessing", "unit")
    process = server("--port", 0, *arguments)
    assert ask(process, encode(paint(10, 200, 10)))["prediction"] == "grün"


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_other_addresses_of_this_machine_are_served(host, server):
    try:
        socket.getaddrinfo(host, 0, flags=socket.AI_ADDRCONFIG)
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else 2).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    process = server("--port", 0, "--host", host, "--camera", "none")
    assert requests.get(process.url + "/healthz", timeout=10).status_code == 200


def test_a_port_in_use_is_one_sentence_and_status_1(server):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert f"Port {port} on 127.0.0.1 is in use" in ended(server("--port", port), 1)


def test_an_address_of_another_machine_is_one_sentence_and_status_2(server):
    assert "192.0.2.1" in ended(server("--host", "192.0.2.1", "--port", 0), 2)


def test_a_file_that_is_no_model_is_one_sentence_and_status_2(server, root):
    sentence = ended(server("--port", 0, "--model", root / "README.md"), 2)
    assert "README.md is not a .tflite model" in sentence


def test_a_model_that_is_missing_is_one_sentence_and_status_2(server, tmp_path):
    sentence = ended(server("--port", 0, "--model", tmp_path / "none.tflite"), 2)
    assert "none.tflite can't be read (No such file" in sentence


def test_a_model_that_was_cut_off_is_one_sentence_and_status_2(server, bundled_model, tmp_path):
    path = tmp_path / "half.tflite"
    path.write_bytes(bundled_model.read_bytes()[:-2000])
    assert "copy it again" in ended(server("--port", 0, "--model", path), 2)


def test_a_model_that_does_not_answer_as_it_did_is_one_sentence_and_status_1(server, altered):
    sentence = ended(server("--port", 0, "--model", altered({"golden/0.png": None})), 1)
    assert "lacks its golden sample" in sentence


def test_a_model_with_an_operator_that_is_not_there_is_one_sentence(server, shared):
    path = shared / "tflite" / "fails_at_invoke.tflite"
    sentence = ended(server("--port", 0, "--model", path, "--preprocessing", "tf"), 2)
    assert "fake-op-double" in sentence


def test_a_model_that_does_not_say_its_normalization_asks_for_it(server, colour_file):
    assert "--preprocessing (tf" in ended(server("--port", 0, "--model", colour_file()), 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--port", "many"), "--port is 'many'"),
        (("--camera", "webcam"), "webcam"),
        (("--labels", "none.txt"), "none.txt can't be read"),
        (("--preprocessing", "imagenet"), "use one of tf"),
        (("--color-order", "bgr"), "--color-order says how to read --preprocessing"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_status_2(arguments, words, server):
    assert words in ended(server("--port", 0, *arguments), 2)


def test_a_wrong_variable_is_one_sentence_and_status_2(server):
    assert "EDGE_PORT is 'x'" in ended(server(environment={"EDGE_PORT": "x"}), 2)


def test_an_unknown_option_is_status_2_and_the_nearest_name(server):
    sentence = ended(server("--colour-order", "rgb"), 2)
    assert "no option --colour-order: the nearest is --color-order" in sentence


def test_all_that_is_wrong_is_said_at_once(server, tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("quueue = 1\nviewers = '2'\n")
    process = server("--config", file, "--prot", 1, environment={"EDGE_QUEUE": "long"})
    assert process.end() == 2
    assert process.log.splitlines() == [
        "edge-server: There is no option --prot: the nearest is --port; --help shows all.",
        f"edge-server: {file}: there is no setting 'quueue': the nearest setting is queue.",
        "edge-server: EDGE_QUEUE is 'long': use a whole number from 0 to 10000.",
        f"edge-server: {file}: viewers is a text ('2'): use a whole number from 0 to 256, "
        "without quotes.",
    ]


def test_a_file_sets_what_command_line_and_environment_do_not(server, tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("port = 0\ncamera = 'none'\ntitle = 'From the file'\n")
    process = server(environment={"EDGE_CONFIG": str(file), "EDGE_CAMERA": "demo"})
    assert "<h1>From the file</h1>" in page(process)
    assert requests.get(process.url + "/readyz", timeout=10).json()["camera"] is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_with_status_0(number, server):
    process = server("--port", 0)
    requests.get(process.url + "/healthz", timeout=10)
    process.popen.send_signal(number)
    assert process.end(SIGTERM_SECONDS) == 0
    assert "Traceback" not in process.log


def test_sigterm_ends_streams_and_lets_a_request_in_flight_be_answered(server, digit):
    process = server("--port", 0)
    data, label = digit(0)
    stream = requests.get(process.url + "/camera/stream.mjpg", stream=True, timeout=20)
    chunks = stream.iter_content(65536)
    assert next(chunks)
    with closing(socket.create_connection(process.address, timeout=20)) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % len(data)
        )
        assert b"100 Continue" in connection.recv(1000)  # the server works on it
        process.popen.send_signal(signal.SIGTERM)
        process.wait_for("(signal=SIGTERM)")
        connection.sendall(data)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["prediction"] == label
    assert process.end(SIGTERM_SECONDS) == 0
    for _ in chunks:  # comes to its end, as a whole answer
        pass
    assert "Traceback" not in process.log


def test_sigterm_does_not_wait_for_ever_for_a_request_that_never_ends(server):
    process = server("--port", 0)
    with closing(socket.create_connection(process.address, timeout=20)) as connection:
        connection.sendall(
            b"POST /predict HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
            b"Content-Length: 5000\r\n\r\n"
        )
        assert b"100 Continue" in connection.recv(1000)
        process.popen.send_signal(signal.SIGTERM)
        assert process.end(SIGTERM_SECONDS) == 0


def test_a_port_is_free_again_at_once(server):
    # The connection that the server closes lingers in the kernel, and must not hold the port.
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    first = server("--port", port, "--camera", "none")
    with requests.Session() as session:
        session.get(first.url + "/healthz", timeout=10)
        first.popen.terminate()
        assert first.end(SIGTERM_SECONDS) == 0
    second = server("--port", port, "--camera", "none")
    assert requests.get(second.url + "/healthz", timeout=10).status_code == 200
