"""What others print, fit for a sentence: one line, no codes, never cut inside a word unmarked."""

from __future__ import annotations

import pytest

from edge_server.excerpt import excerpt, last_line


def test_a_short_text_stays_as_it_is_without_its_full_stop() -> None:
    assert excerpt("No kernel for CONV_3D.") == "No kernel for CONV_3D"


def test_lines_and_tabs_become_spaces() -> None:
    assert excerpt("one\n\t two\x00three") == "one two three"


def test_codes_that_colour_a_terminal_are_left_out() -> None:
    assert excerpt("\x1b[1m'x' is no name\x1b[0m") == "'x' is no name"


@pytest.mark.parametrize("length", range(50, 80))
def test_a_long_text_is_cut_between_words_and_says_so(length: int) -> None:
    words = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi"
    cut = excerpt(words, length)
    assert len(cut) <= length
    assert cut.endswith("...")
    assert words.startswith(cut[:-3] + " ")


def test_an_address_without_spaces_is_cut_anywhere_with_a_mark() -> None:
    assert excerpt("https://" + "x" * 500, 40) == "https://" + "x" * 29 + "..."


def test_the_last_line_that_says_anything_is_chosen() -> None:
    assert last_line("Traceback\n  File x\nOSError: no room.\n\n \x1b[0m\n") == "OSError: no room"
    assert last_line(" \n\n") == ""
