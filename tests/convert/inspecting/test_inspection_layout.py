"""Text in aligned sections."""

from __future__ import annotations

import subprocess
import sys

from convert.inspecting import inspection_layout
from convert.inspecting.inspection_layout import Page


def test_long_text_is_wrapped_under_itself() -> None:
    page = Page()
    page.field("label", "word " * 60)
    lines = str(page).splitlines()
    assert len(lines) > 2
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].index("word") == lines[1].index("word")


def test_a_list_is_broken_between_items_only() -> None:
    page = Page()
    page.items("operators", [f"{n} Conv2D" for n in range(40)])
    assert all(line.strip(", ")[0].isdigit() for line in str(page).splitlines()[1:])
    assert not any(line.endswith(tuple("0123456789")) for line in str(page).splitlines()[:-1])


def test_columns_stand_under_each_other_and_a_wide_one_is_shortened() -> None:
    page = Page()
    page.table([["1", "short", "x"], ["10", "long" * 40, "y"]], right=(0,))
    first, second = str(page).splitlines()
    assert first.rindex("x") == second.rindex("y") < 100
    assert first.index("1") == second.index("0")
    assert "…" in second


def test_a_table_of_its_head_alone_is_left_out() -> None:
    page = Page()
    page.table([["name"]], head=True)
    assert str(page) == ""


def test_names_out_of_a_file_move_no_cursor() -> None:
    page = Page()
    page.field("name", "\x1b[2Jgone\n")
    page.table([["\x07bell"]])
    assert "\x1b" not in str(page)
    assert "\x07" not in str(page)


def test_a_reader_that_stops_reading_is_no_error() -> None:
    script = (
        "import os; from convert.inspecting import inspection_layout as layout;"
        "read, write = os.pipe(); os.dup2(write, 1); os.close(write); os.close(read);"
        "layout.publish('x' * 1000000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_unicode_gets_what_it_can_show() -> None:
    script = (
        "from convert.inspecting import inspection_layout as layout; layout.publish('caf\\u00e9 …')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.stdout == "caf? ?\n"


def test_shortening_keeps_beginning_and_end() -> None:
    assert inspection_layout.shorten("abcdefghij", 5) == "ab…ij"
    assert inspection_layout.shorten("abc", 5) == "abc"
