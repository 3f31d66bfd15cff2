"""The newest warnings and errors of the log: bounded, without secrets, repetitions counted."""

from __future__ import annotations

import logging

import pytest

from edge_server.logs import fields
from edge_server.recent import MAX_KEPT, Recent


@pytest.fixture
def recent():
    return Recent()


@pytest.fixture
def log(recent):
    made = logging.getLogger("edge_server.tested")
    made.setLevel(logging.DEBUG)
    made.addHandler(recent)
    yield made
    made.removeHandler(recent)


def test_warnings_and_errors_are_kept_newest_first_and_others_are_not(log, recent):
    log.info("all is well")
    log.warning("it is %s", "warm")
    log.error("it burns")
    assert [(t.level, t.message) for t in recent.newest()] == [
        ("error", "it burns"),
        ("warning", "it is warm"),
    ]


def test_what_repeats_is_counted_and_moves_to_the_front(log, recent):
    for _ in range(1000):
        log.warning("no picture")
    log.warning("hot")
    log.warning("no picture")
    newest, other = recent.newest()
    assert (newest.message, newest.times) == ("no picture", 1001)
    assert (other.message, other.times) == ("hot", 1)
    assert newest.first_at < newest.last_at
    assert recent.total == 1002


def test_so_many_are_kept(log, recent):
    for number in range(200):
        log.warning("trouble %d %s", number, "x" * 2000)
    assert len(recent.newest()) == MAX_KEPT
    assert recent.total == 200
    assert all(len(trouble.message) <= 400 for trouble in recent.newest())


def test_fields_and_errors_are_told(log, recent):
    told = fields(model="cats", reason="no file")
    log.error("it failed", exc_info=ValueError("bad"), extra=told)
    assert recent.newest()[0].message == (
        "it failed · model: cats · reason: no file · ValueError: bad"
    )


def test_requests_differ_by_what_was_asked_and_not_by_who_asked_or_how_long_it_took(log, recent):
    for ms in (1.5, 2.5):
        told = fields(client=f"10.0.0.{ms:.0f}", path="/predict", status=503, ms=ms, bytes_in=ms)
        log.warning("request", extra=told)
    (trouble,) = recent.newest()
    assert (trouble.message, trouble.times) == ("request · path: /predict · status: 503", 2)


def test_passwords_of_addresses_and_line_breaks_are_left_out(log, recent):
    log.warning("rtsp://admin:secret@camera/1 is gone\nlevel=error forged")
    message = recent.newest()[0].message
    assert "secret" not in message
    assert "\n" not in message


def test_a_record_that_can_t_be_written_harms_nobody(log, recent, monkeypatch):
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log.warning("%d", "no number")
    assert recent.newest() == []
