"""Whether the page on the screen lives, by what the server says."""

from __future__ import annotations

import socket

import pytest
import requests

from edge_server.errors import SettingError
from edge_server.kiosk.watch import Server, Watch


@pytest.fixture
def watch(clock):
    return Watch(60, clock)


def test_a_page_that_asks_lives(watch, clock):
    for second in range(0, 600, 5):
        clock.now += 5
        watch.heard(f"2026-11-26T10:00:{second:03d}Z")
        assert not watch.is_over


def test_a_page_that_was_heard_of_and_falls_silent_does_not(watch, clock):
    watch.heard("1")
    watch.heard("2")
    clock.now += 59
    watch.heard("2")
    assert not watch.is_over
    clock.now += 2
    watch.heard("2")
    assert watch.is_over


def test_a_page_that_never_asks_does_not_either(watch, clock):
    watch.heard(None)
    clock.now += 61
    watch.heard(None)
    assert watch.is_over
    assert not watch.has_heard


def test_what_the_page_before_has_asked_says_nothing_of_this_one(watch):
    watch.heard("of the page before")
    assert not watch.has_heard
    watch.heard("of this one")
    assert watch.has_heard


def test_a_server_that_is_gone_hears_of_no_page(watch, clock):
    for _ in range(100):
        clock.now += 30
        watch.server_gone()
    assert not watch.is_over
    clock.now += 61
    assert watch.is_over


def test_a_clock_that_is_set_back_is_no_silence(watch, clock):
    watch.heard("2026-11-26T10:00:00Z")
    clock.now += 59
    watch.heard("1970-01-01T00:00:07Z")
    clock.now += 59
    assert not watch.is_over


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://localhost/", "http://", "http://a:b/"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(SettingError, match="is no address of a page: use one like http://local"):
        Server(url)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8080/", True),
        ("https://127.0.0.1/?lang=de", True),
        ("http://[::1]:8080/", True),
        ("http://shop.lan:8080/", False),
        ("http://192.168.1.7/", False),
    ],
)
def test_of_other_devices_nobody_knows_whether_their_page_has_asked(url, here):
    assert Server(url).is_here is here


def test_a_server_tells_when_a_page_of_this_device_has_asked(digits_server):
    server = Server(digits_server.url + "/?lang=de")
    before = server.kiosk_seen()
    assert requests.get(digits_server.url + "/kiosk.json", timeout=20).ok
    assert server.kiosk_seen() != before


def test_a_port_where_nobody_listens_is_no_mistake_of_the_user():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        Server(f"http://127.0.0.1:{port}/").kiosk_seen()
