"""The logo: an SVG or PNG of bounded size; anything else is refused at start, with the reason."""

from __future__ import annotations

import pytest
from PIL import Image

from edge_server.errors import SettingError
from edge_server.page import logo

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0h1v1z"/></svg>'


def test_an_svg_is_taken(tmp_path):
    path = tmp_path / "logo.svg"
    path.write_bytes(b'<?xml version="1.0"?>\n' + SVG)
    assert logo.read(path).media_type == "image/svg+xml"


def test_a_png_is_taken_whatever_it_is_called(tmp_path, encode, paint):
    path = tmp_path / "logo"
    path.write_bytes(encode(paint(1, 2, 3)))
    assert logo.read(path) == logo.Logo(path.read_bytes(), "image/png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello", "no SVG or PNG"),
        (b"<html></html>", "no SVG or PNG"),
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG, "entities"),
        (SVG + b" " * logo.MAX_BYTES, "larger than 512 KiB"),
        (b"\x89PNG\r\n\x1a\nhello", "damaged PNG"),
    ],
)
def test_anything_else_is_refused(content, reason, tmp_path):
    path = tmp_path / "logo.svg"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=reason):
        logo.check(path)


def test_a_picture_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "logo.png"
    Image.new("1", (5000, 10)).save(path)
    with pytest.raises(SettingError, match="5000x10: shrink it"):
        logo.check(path)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SettingError, match=r"can't be read \(No such file"):
        logo.check(tmp_path / "logo.svg")


def test_it_is_served_and_shown_and_may_do_nothing(application, tmp_path):
    path = tmp_path / "logo.svg"
    path.write_bytes(SVG)
    client = application(camera="none", logo=path).client
    assert 'src="/logo"' in client.get("/").get_data(as_text=True)
    answer = client.get("/logo")
    assert (answer.data, answer.mimetype) == (SVG, "image/svg+xml")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_without_one_there_is_none(digits_app):
    assert 'src="/logo"' not in digits_app.client.get("/").get_data(as_text=True)
    assert digits_app.client.get("/logo").status_code == 404
