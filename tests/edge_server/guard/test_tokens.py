from __future__ import annotations

import logging
import os

import pytest

from edge_server.errors import SettingError
from edge_server.guard.tokens import MIN_LENGTH, TokenFile

ONE, TWO = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def write(tmp_path):
    """Writes the file, as an editor does: a new one in its place."""

    def make(text, mode=0o600):
        path, fresh = tmp_path / "tokens", tmp_path / "fresh"
        fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
        fresh.chmod(mode)
        fresh.replace(path)
        return path

    return make


def test_each_line_is_a_token_and_comments_are_none(write):
    tokens = TokenFile(write(f"# the kiosk\n{ONE}\n\n  {TWO}  \r\n#{'x' * 20}\n"))
    assert tokens.holds(ONE)
    assert tokens.holds(TWO)
    for wrong in ("", "#", "# the kiosk", ONE[:-1], ONE + "0", ONE.upper(), "x" * 20, "ü\ud800"):
        assert not tokens.holds(wrong)


def test_a_token_that_is_taken_out_is_refused_at_once(write, caplog):
    caplog.set_level(logging.INFO)
    tokens = TokenFile(write(f"{ONE}\n{TWO}\n"))
    write(f"{TWO}\n")
    assert not tokens.holds(ONE)
    assert tokens.holds(TWO)
    assert [r.fields["tokens"] for r in caplog.records if "read again" in r.getMessage()] == [1]
    assert ONE not in caplog.text
    assert TWO not in caplog.text


def test_a_change_in_place_counts_too(write):
    path = write(f"{ONE}\n")
    tokens = TokenFile(path)
    path.write_text(f"{TWO}\n")
    os.utime(path, ns=(1, 1))  # no clock ticked between the two
    assert not tokens.holds(ONE)
    assert tokens.holds(TWO)


@pytest.mark.parametrize("text", ["", "# none\n", "short\n", None])
def test_while_the_file_is_no_good_nobody_is_let_in_and_the_log_says_so_once(write, text, caplog):
    path = write(f"{ONE}\n")
    tokens = TokenFile(path)
    if text is None:
        path.unlink()
    else:
        write(text)
    for _ in range(3):
        assert not tokens.holds(ONE)
    assert caplog.text.count("Until then nobody is let in.") == 1
    write(f"{ONE}\n")
    assert tokens.holds(ONE)


def test_a_file_that_all_can_read_is_warned_about(write, caplog):
    path = write(ONE, mode=0o644)
    assert TokenFile(path).holds(ONE)
    assert f"chmod 600 {path}" in caplog.text


@pytest.mark.parametrize("mode", [0o600, 0o440, 0o640])
def test_a_file_that_only_its_group_can_read_is_good(write, mode, caplog):
    TokenFile(write(ONE, mode=mode))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("", 0o600, "There is no token in .*openssl rand -hex 16"),
        (ONE, 0o602, "can write to .*chmod 600"),
        (f"{ONE}\n{'x' * (MIN_LENGTH - 1)}", 0o600, "line 2 of .* too short .* 16 characters"),
        (f"{ONE} {TWO}", 0o600, "Line 1 of .* is no token"),
        ("ünsinn" * 5, 0o600, "Line 1 of .* is no token"),
        (b"\xff\xfe" * 20, 0o600, "is no text"),
        (f"{ONE}\n" * 5000, 0o600, "over 64 KiB"),
    ],
)
def test_a_file_that_is_not_safe_is_refused_with_what_to_do(write, text, mode, words):
    with pytest.raises(SettingError, match=words) as caught:
        TokenFile(write(text, mode))
    assert ONE not in str(caught.value)


def test_a_file_that_is_missing_or_none_is_refused(tmp_path):
    with pytest.raises(SettingError, match="No such file"):
        TokenFile(tmp_path / "tokens")
    with pytest.raises(SettingError, match="can't be read"):
        TokenFile(tmp_path)
