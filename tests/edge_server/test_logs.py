"""Records as lines: nothing that a record says can begin a line of its own."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys

import pytest

from edge_server import request_context
from edge_server.logs import JsonFormatter, TextFormatter, fields

NASTY = [
    "a\nb",
    "a\r\nlevel=error",
    "a\x0bb\x0cc\x1c\x1d\x1e",
    "a\x85b\u2028c\u2029d",
    "\u202eabc\u2066",
    'quote " and \\n backslash',
    "key=value",
    "\x1b[31mred",
    "\x00",
    "\ud800",
    "",
    " ",
]


def record(message="said", level=logging.INFO, error=None, **values):
    made = logging.LogRecord("edge_server.x", level, __file__, 1, message, (), None)
    made.created = 1800000000.1239
    if error is not None:
        made.exc_info = (type(error), error, error.__traceback__)
    made.__dict__.update(fields(**values))
    return made


def fail(text):
    raise ValueError(text)


def raised(text):
    try:
        fail(text)
    except ValueError as error:
        return error


def logfmt(line):
    """The pairs of a line, as a reader of logfmt has them."""
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "=]*)(?: |$)', line)
    assert " ".join(f"{key}={value}" for key, value in pairs) == line
    return {key: json.loads(value) if value[:1] == '"' else value for key, value in pairs}


def test_text_is_key_value():
    line = TextFormatter().format(record("two words", status=200, ms=1.5, flag=True, none=None))
    assert line == (
        'time=2027-01-15T08:00:00.123Z level=info logger=edge_server.x message="two words" '
        "status=200 ms=1.5 flag=true none=-"
    )


def test_json_is_one_object_with_fixed_names():
    line = JsonFormatter().format(record("two words", status=200, flag=True, none=None))
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.123Z",
        "level": "info",
        "logger": "edge_server.x",
        "message": "two words",
        "status": 200,
        "flag": True,
        "none": None,
    }


def test_letters_of_other_languages_stay_readable():
    assert "label=größe" in TextFormatter().format(record(label="größe"))
    assert json.loads(JsonFormatter().format(record(label="größe")))["label"] == "größe"


@pytest.mark.parametrize("text", NASTY)
def test_a_value_is_one_word_of_one_line(text):
    line = TextFormatter().format(record(text, path=text, last="end"))
    assert line.isprintable()
    read = logfmt(line)
    assert list(read) == ["time", "level", "logger", "message", "path", "last"]
    if text.isprintable():
        assert read["path"] == text


@pytest.mark.parametrize("text", NASTY)
def test_a_value_is_a_string_of_one_line_of_json(text):
    line = JsonFormatter().format(record(text, path=text))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == text


@pytest.mark.parametrize("text", NASTY)
def test_a_trace_is_one_line_of_json(text):
    line = JsonFormatter().format(record(error=raised(text)))
    assert line.isprintable()
    document = json.loads(line)
    assert document["error"] == f"ValueError: {text}"
    assert document["trace"].startswith("Traceback (most recent call last)")


@pytest.mark.parametrize("text", NASTY)
def test_a_trace_s_lines_in_text_are_indented(text):
    first, *rest = TextFormatter().format(record(error=raised(text))).split("\n")
    assert logfmt(first)["error"].startswith("ValueError: ")
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") and line.isprintable() for line in rest)


def test_a_record_of_a_request_has_its_id():
    with request_context.begin() as request:
        line = TextFormatter().format(record())
    assert line.endswith(f" request_id={request.id}")
    assert "request_id" not in TextFormatter().format(record())


@pytest.mark.parametrize("sent", ["abc", "a" * 128, "!~[]{}\"'\\", "0"])
def test_a_sane_id_is_taken_over(sent):
    request = request_context.RequestContext()
    request.take_over(sent)
    assert request.id == sent


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "a\n", "a\r\nb", "ä", "\x7f", "\u2028"])
def test_an_id_that_is_not_sane_is_made_anew(sent):
    request = request_context.RequestContext()
    request.take_over(sent)
    assert re.fullmatch(r"[0-9a-f]{32}", request.id)


def test_nothing_is_noted_outside_of_a_request():
    request_context.note(model="x")
    with request_context.begin() as request:
        request_context.note(model="y")
    assert request.noted == {"model": "y"}


def process(root, script, level="info", log_format="json"):
    start = f"from edge_server import logs; logs.configure({level!r}, {log_format!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + script],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_errors_that_nobody_caught_and_warnings_are_records_too(root):
    script = (
        "import threading, warnings\n"
        "warnings.warn('take\\ncare')\n"
        "thread = threading.Thread(target=lambda: 1 / 0, name='worker')\n"
        "thread.start(); thread.join()\n"
        "raise ValueError('at the\\nend')\n"
    )
    warned, thread, end = process(root, script)
    assert (warned["level"], warned["logger"]) == ("warning", "py.warnings")
    assert "take\ncare" in warned["message"]
    assert (thread["level"], thread["thread"]) == ("critical", "worker")
    assert thread["error"] == "ZeroDivisionError: division by zero"
    assert end["error"] == "ValueError: at the\nend"


def test_details_are_those_of_our_packages_alone(root):
    """Pillow, asked for details, logs what it reads of a picture."""
    script = (
        "import io, logging\nfrom PIL import Image, PngImagePlugin\n"
        "logging.getLogger('camera.x').debug('ours')\n"
        "info = PngImagePlugin.PngInfo(); info.add_text('Comment', 'private')\n"
        "file = io.BytesIO(); Image.new('RGB', (9, 9)).save(file, 'PNG', pnginfo=info)\n"
        "Image.open(file).load()\n"
    )
    assert [said["message"] for said in process(root, script, "debug")] == ["ours"]
    assert process(root, "import logging; logging.getLogger('camera').info('x')", "warning") == []
