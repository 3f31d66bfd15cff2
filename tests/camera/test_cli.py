from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from camera.cli import main


def one_sentence(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.endswith(".\n")
    return captured.err


def usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    return one_sentence(capsys)


def test_a_snapshot_of_the_demo_is_a_picture(tmp_path):
    output = tmp_path / "x.jpg"
    assert main(["snapshot", "demo", "-o", str(output)]) == 0
    assert Image.open(output).size == (640, 480)


def test_a_snapshot_can_leave_the_first_pictures_out(tmp_path, gray):
    (tmp_path / "in").mkdir()
    for name, shade in (("a.png", 10), ("b.png", 200)):
        Image.fromarray(gray(shade)).save(tmp_path / "in" / name)
    output = tmp_path / "x.jpg"
    spec = f"folder:{tmp_path / 'in'}?interval=0.3"
    assert main(["snapshot", spec, "-o", str(output), "--skip", "3"]) == 0
    assert np.asarray(Image.open(output)).mean() > 100


def test_an_unknown_camera_is_wrong_usage(tmp_path, capsys):
    assert main(["snapshot", "webcam", "-o", str(tmp_path / "x.jpg")]) == 2
    assert "demo" in one_sentence(capsys)


def test_a_snapshot_without_a_file_is_wrong_usage(capsys):
    assert "-o" in usage_error(["snapshot", "demo"], capsys)


def test_no_command_is_wrong_usage(capsys):
    assert "COMMAND" in usage_error([], capsys)


@pytest.mark.parametrize(
    "option", [["--timeout", "0"], ["--timeout", "soon"], ["--quality", "101"], ["--skip", "-1"]]
)
def test_an_implausible_option_is_wrong_usage(option, capsys):
    assert option[0] in usage_error(["snapshot", "demo", "-o", "x.jpg", *option], capsys)


def test_an_empty_folder_fails_with_its_cause(tmp_path, capsys):
    status = main(["snapshot", f"folder:{tmp_path}", "-o", str(tmp_path / "x.jpg")])
    assert status == 1
    assert "has no pictures" in one_sentence(capsys)


def test_a_missing_usb_camera_fails_with_its_cause(tmp_path, capsys):
    assert main(["measure", f"usb:{tmp_path}/video9"]) == 1
    assert "There is no camera" in one_sentence(capsys)


def test_a_file_that_cannot_be_written_fails_with_its_name(tmp_path, capsys):
    output = tmp_path / "missing" / "x.jpg"
    assert main(["snapshot", "demo", "-o", str(output)]) == 1
    assert str(output) in one_sentence(capsys)


def test_the_list_shows_every_kind_of_source(capsys):
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for syntax in ("demo", "folder:DIR", "file:CLIP", "usb:0"):
        assert syntax in shown


def test_measuring_prints_rate_and_drops(capsys):
    assert main(["measure", "demo", "--seconds", "0.5"]) == 0
    shown = capsys.readouterr().out
    for word in ("640x480", "frames/s", "read", "drops"):
        assert word in shown


def run(*arguments):
    environment = {name: value for name, value in os.environ.items() if "OPENCV" not in name}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )


def test_a_broken_clip_is_one_sentence_even_where_ffmpeg_has_its_say(tmp_path):
    clip = tmp_path / "broken.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    done = run("-m", "camera", "snapshot", f"file:{clip}", "-o", str(tmp_path / "x.jpg"))
    assert done.returncode == 1
    assert done.stderr == (
        f"The file {clip} can't be played; use a video such as MP4 (H.264) or AVI.\n"
    )


def test_opencv_is_not_loaded_before_it_is_needed():
    done = run(
        "-c",
        "import sys, camera.cli, camera.broadcast; from camera.sources.spec import from_spec;"
        "s = from_spec('demo'); s.open(); s.read(); s.close();"
        "sys.exit('cv2' in sys.modules)",
    )
    assert done.returncode == 0, done.stderr
