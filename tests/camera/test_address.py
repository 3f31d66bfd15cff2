from __future__ import annotations

import traceback

import pytest

from camera.errors import CameraError
from camera.sources.address import parse


def test_user_and_password_are_taken_off_and_put_back_quoted():
    address = parse("rtsp://me:p%40ss@[::1]:8554/a?b=c#d", ("rtsp",))
    assert (address.user, address.password) == ("me", "p@ss")
    assert (address.host, address.port) == ("::1", 8554)
    assert address.url == "rtsp://[::1]:8554/a?b=c"
    assert address.with_credentials == "rtsp://me:p%40ss@[::1]:8554/a?b=c"


def test_a_password_with_an_at_sign_is_understood_too():
    address = parse("rtsp://me:p@ss@host/a", ("rtsp",))
    assert (address.host, address.password) == ("host", "p@ss")
    assert address.with_credentials == "rtsp://me:p%40ss@host/a"


def test_an_address_without_a_user_stays_as_it_is():
    assert parse("rtsp://host/a", ("rtsp",)).with_credentials == "rtsp://host/a"


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://me:hidden@host/a",
        "rtsp://host/a?password=hidden",
        "rtsp://host/user=me&password=hidden&channel=1",
        "rtsp://host/a#hidden",
    ],
)
def test_what_is_shown_holds_no_password(url):
    address = parse(url, ("rtsp",))
    assert "hidden" not in address.shown + repr(address)
    assert address.shown.startswith("host")


@pytest.mark.parametrize(
    "url", ["rtsp:", "rtsp:///a", "http://host/hidden", "rtsp://me:hid/den@host/a", "rtsp://h/ a"]
)
def test_what_is_no_address_is_refused_without_repeating_it(url):
    with pytest.raises(CameraError, match=r"no address.*rtsp://HOST/PATH") as raised:
        parse(url, ("rtsp",))
    assert "hid" not in "".join(traceback.format_exception(raised.value))
