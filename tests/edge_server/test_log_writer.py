"""The writer of the log: every line, in its order, with its request; troubles at once."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
import time

import pytest

from edge_server import log_writer, request_context
from edge_server.log_writer import LogWriter
from edge_server.logs import TextFormatter


class Stream(io.StringIO):
    """Counts how often it was written to."""

    writes = 0

    def write(self, text):
        self.writes += 1
        return super().write(text)


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def log(stream):
    logger = logging.Logger("written", logging.DEBUG)
    logger.addHandler(LogWriter(stream))
    return logger


def wait_for(text, stream):
    end = time.monotonic() + 10
    while text not in stream.getvalue():
        assert time.monotonic() < end, stream.getvalue()
        time.sleep(0.01)


def test_lines_come_by_themselves_and_together(log, stream):
    for number in range(5):
        log.info("line %d", number)
    wait_for("line 4", stream)
    assert stream.getvalue() == "".join(f"line {number}\n" for number in range(5))
    assert stream.writes < 5


def test_a_warning_is_written_at_once_after_what_came_before_it(log, stream):
    log.info("first")
    log.warning("second")
    assert stream.getvalue() == "first\nsecond\n"


def test_no_more_is_held_than_a_few_lines(log, stream, monkeypatch):
    monkeypatch.setattr(log_writer, "_MOST_HELD", 3)
    for number in range(4):
        log.info("%d", number)
    assert stream.getvalue() == "0\n1\n2\n3\n"


def test_a_line_has_the_request_that_it_was_made_in(log, stream):
    log.handlers[0].setFormatter(TextFormatter())
    with request_context.begin() as context:
        log.info("inside")
    log.info("outside")
    wait_for("outside", stream)
    inside, outside = stream.getvalue().splitlines()
    assert f"request_id={context.id}" in inside
    assert "request_id" not in outside


def test_a_record_that_cannot_be_written_does_not_take_others_with_it(log, stream, capsys):
    log.info("%d", "no number")
    log.warning("after it")
    assert stream.getvalue() == "after it\n"
    assert "no number" in capsys.readouterr().err


def test_who_logs_does_not_fail_for_a_stream_that_is_gone(log, stream):
    stream.close()
    log.warning("to nobody")


def test_what_is_held_is_written_when_the_process_ends():
    code = (
        "import logging; from edge_server import logs; logs.configure('info', 'text'); "
        "logging.getLogger('edge_server').info('the last')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert "the last" in ended.stderr
