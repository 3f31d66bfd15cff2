from __future__ import annotations

import os
import sys
import time
from contextlib import closing

import pytest

from camera.errors import CameraError
from camera.sources.child import Child, _dies_with_us

# Pictures of growing width, one each 0.05 s by the clock, and a lot of noise beside them.
GROWING = """
import io, sys, time
from PIL import Image
began = time.monotonic()
output = open(int(sys.argv[1]), "wb")
while True:
    file = io.BytesIO()
    Image.new("L", (16 + int((time.monotonic() - began) / 0.05), 16)).save(file, "JPEG")
    output.write(b"--b\\r\\nContent-Length: %d\\r\\n\\r\\n" % file.tell())
    output.write(file.getvalue() + b"\\r\\n")
    output.flush()
    sys.stderr.write("noise" * 2000)
    print("more" * 2000, flush=True)
    time.sleep(0.05)
"""


def child(script):
    return closing(
        Child(
            lambda output: [sys.executable, "-c", script, str(output)],
            lambda said: f"It said: {said}",
        )
    )


def test_after_a_pause_the_newest_picture_comes_first():
    with child(GROWING) as source:
        before = source.read().size[0]
        time.sleep(1.5)
        assert source.read().size[0] > before + 20


def test_noise_on_standard_output_and_error_disturbs_nothing():
    with child(GROWING) as source:
        widths = [source.read().size[0] for _ in range(20)]
    assert widths == sorted(widths)


def test_a_program_that_stops_sending_is_given_up_sooner_than_one_that_starts(monkeypatch):
    monkeypatch.setattr("camera.sources.child._TIMEOUT", 0.2)
    stopping = GROWING.replace("time.sleep(0.05)", "time.sleep(60)")
    with child(stopping) as source:
        source.read()
        with pytest.raises(CameraError, match="It said: None"):
            source.read()


@pytest.mark.parametrize(
    "script",
    [
        "import sys; sys.exit('too bad')",
        "import os, sys, time; os.close(int(sys.argv[1])); time.sleep(0.1); sys.exit('too bad')",
    ],
)
def test_the_last_words_of_a_program_are_explained(script):
    with child(script) as source, pytest.raises(CameraError, match="It said: too bad"):
        source.read()


def test_only_the_newest_of_many_errors_are_kept():
    script = "import sys; sys.stderr.write('x' * 10**6); sys.exit('the end')"
    with child(script) as source, pytest.raises(CameraError, match="the end") as raised:
        source.read()
    assert len(str(raised.value)) < 20_000


def test_a_program_that_waits_for_nothing_can_be_closed_twice():
    with child("import time; time.sleep(60)") as source:
        source.close()


def test_a_missing_program_is_named():
    with pytest.raises(CameraError, match="no program nothing-like-it"):
        Child(lambda output: ["nothing-like-it"], str)


def test_where_setpriv_is_forbidden_the_program_runs_without(tmp_path, monkeypatch):
    """As the service's sandbox forbids it: it sets capabilities anew."""
    forbidden = tmp_path / "setpriv"
    forbidden.write_text(
        "#!/bin/sh\necho activate capabilities: Operation not permitted\nexit 127\n"
    )
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _dies_with_us.cache_clear()
    try:
        with child(GROWING) as source:
            assert source.read().size[1] == 16
    finally:
        _dies_with_us.cache_clear()
