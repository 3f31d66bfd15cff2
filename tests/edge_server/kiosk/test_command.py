"""`edge-server kiosk` as a whole; in place of a browser, programs that do what a browser may do.

With a real one: tests/e2e/test_kiosk_browser.py.
"""

from __future__ import annotations

import os
import signal
import socket

import pytest

TOKEN = "0123456789abcdef"


@pytest.fixture
def program(tmp_path):
    """Makes a program that notes its process and its arguments, and then does this."""

    def make(does):
        path = tmp_path / "browser"
        path.write_text(f'#!/bin/bash\necho "$$ $*" >>"{tmp_path}/started"\n{does}\n')
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def started(tmp_path):
    """What was started until now: (process, arguments)."""

    def read():
        file = tmp_path / "started"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(int(line.split(" ", 1)[0]), line.split(" ", 1)[1]) for line in lines]

    return read


@pytest.fixture
def kiosk(server):
    """Starts the command; ended after the test."""
    running = []

    def start(*arguments, environment=None):
        running.append(server("kiosk", *arguments, environment=environment))
        return running[-1]

    yield start
    for process in running:
        process.popen.terminate()
        assert process.popen.wait(20) in (0, 1, 2), process.log


def lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_shows_the_page_full_screen_with_a_profile_that_is_new(
    kiosk, program, started, digits_server, until
):
    kiosk(digits_server.url + "/?lang=de", "--browser", program("exec sleep 60"))
    until(started)
    ((_, arguments),) = started()
    assert arguments.endswith("/?lang=de")
    assert {"--kiosk", "--noerrdialogs"} <= set(arguments.split())
    assert "--user-data-dir=" in arguments


def test_a_browser_that_ends_is_started_again(kiosk, program, started, digits_server, until):
    process = kiosk(digits_server.url, "--browser", program("exit 7"))
    until(lambda: len(started()) > 1)
    assert "level=warning" in process.log
    assert 'message="the browser is started again" reason="it has ended with status 7"' in (
        process.log
    )


def test_a_page_of_which_nothing_is_heard_is_shown_anew(
    kiosk, program, started, digits_server, until
):
    browser = program("trap '' TERM; sleep 60 & sleep 60")  # as one that hangs
    process = kiosk(digits_server.url, "--browser", browser, "--patience", 1)
    until(lambda: len(started()) > 1, 30)
    assert 'reason="nothing was heard of the page for 1 s"' in process.log
    assert not lives(started()[0][0])


def test_told_to_stop_it_ends_the_browser_and_what_that_has_started(
    kiosk, program, started, digits_server, until, tmp_path
):
    child = tmp_path / "child"
    browser = program(
        f"trap '' TERM; sleep 60 & echo $! >{child}.new; mv {child}.new {child}; wait"
    )
    process = kiosk(digits_server.url, "--browser", browser)
    until(child.exists)
    process.popen.send_signal(signal.SIGTERM)
    assert process.end(20) == 0
    until(lambda: not lives(started()[0][0]) and not lives(int(child.read_text())))


def test_it_waits_for_the_server(kiosk, program, started, server, until):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = kiosk(f"http://127.0.0.1:{port}/", "--browser", program("exec sleep 60"))
    process.wait_for('message="(the server does not answer yet)"')
    assert not started()
    server("--port", port, "--camera", "none")
    until(started, 30)
    assert process.log.count("does not answer yet") == 1


def test_the_token_comes_with_the_address_and_is_not_logged(
    kiosk, program, started, server, until, tmp_path
):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKEN}\n")
    tokens.chmod(0o600)
    guarded = server("--port", 0, "--camera", "none", "--token-file", tokens)
    host = guarded.url.partition("://")[2]
    browser = program("exec sleep 60")
    refused = kiosk(guarded.url, "--browser", browser)
    assert refused.end(20) == 2
    assert "The server asks for a token" in refused.log
    assert "Traceback" not in refused.log
    # Out of the list of processes, where everybody sees what is on a command line.
    let_in = kiosk("--browser", browser, environment={"KIOSK_URL": f"http://edge:{TOKEN}@{host}/"})
    until(started)
    let_in.wait_for("message=(shown)")
    assert TOKEN not in let_in.log


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--browser", "no-such-program"], "There is no program no-such-program: name a Chromium"),
        (["localhost:8080"], "'localhost:8080' is no address of a page"),
        (["--patience", "soon"], "--patience"),
        (["--patience", "0"], "--patience is 0: use seconds, 300 as usual."),
    ],
)
def test_what_can_not_be_used_is_said(kiosk, program, arguments, sentence):
    own = [] if "--browser" in arguments else ["--browser", program("exec sleep 60")]
    process = kiosk(*arguments, *own)
    assert process.end(20) == 2
    assert sentence in process.log
    assert "Traceback" not in process.log


def test_a_program_that_is_none_ends_it(kiosk, tmp_path, digits_server):
    program = tmp_path / "browser"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    process = kiosk(digits_server.url, "--browser", program)
    assert process.end(20) == 1
    assert f"The browser {program} can't be started: " in process.log
    assert "Traceback" not in process.log


def test_without_chromium_it_says_how_to_have_one(kiosk, tmp_path):
    process = kiosk(environment={"PATH": str(tmp_path)})
    assert process.end(20) == 2
    assert "There is no Chromium: run `sudo apt-get install chromium`." in process.log
