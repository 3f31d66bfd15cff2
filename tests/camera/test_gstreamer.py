"""Real pipelines, run by the gst-launch-1.0 of the system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from camera.broadcast import Broadcast
from camera.errors import CameraError
from camera.frame import Jpeg
from camera.sources import gstreamer
from camera.sources.gstreamer import GStreamerSource
from camera.sources.gstreamer_trouble import explain
from camera.sources.spec import from_spec
from camera.state import CameraState
from tools import missing

LIVE = "videotestsrc is-live=true"
# Runs, and lets nothing through.
SILENT = f"{LIVE} ! valve drop=true"


@pytest.fixture(autouse=True)
def _gstreamer():
    if shutil.which("gst-launch-1.0") is None:
        missing("gstreamer", "needs GStreamer: apt-get install gstreamer1.0-tools")


def first(pipeline):
    with closing(GStreamerSource(pipeline)) as source:
        source.open()
        return source.read()


def refusal(pipeline):
    with pytest.raises(CameraError) as raised:
        first(pipeline)
    return str(raised.value)


def launched():
    """The ids of the pipelines that run as children of this process."""
    children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    ids = [int(word) for path in children for word in path.read_text().split()]
    return [pid for pid in ids if "gst-launch" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_the_pictures_of_a_pipeline_go_to_viewers_as_it_encoded_them(grab):
    grabber = grab(from_spec(f"gstreamer:{LIVE} ! video/x-raw,width=320,height=200"))
    frame, sent = Broadcast(grabber).snapshot(timeout=10)
    assert isinstance(frame.picture, Jpeg)
    assert sent is frame.jpeg
    assert frame.pixels.shape == (200, 320, 3)


def test_a_pipeline_that_ends_in_jpegs_is_not_encoded_again():
    coarse = first(f"{LIVE} ! jpegenc quality=2")
    assert len(coarse.data) < len(first(LIVE).data) / 3
    assert first(f"{LIVE} ! jpegenc quality=2 ! image/jpeg").size == coarse.size


@pytest.mark.parametrize(
    ("pipeline", "elements"),
    [
        ("v4l2src ! image/jpeg,width=640", ""),
        ("multifilesrc ! jpegparse", ""),
        (
            "rtspsrc ! rtpjpegdepay ! jpegdec",
            "videoconvert ! video/x-raw,format=I420 ! nvjpegenc ! ",
        ),
        ("nvarguscamerasrc", "nvvidconv ! video/x-raw(memory:NVMM),format=I420 ! nvjpegenc ! "),
        (
            "nvarguscamerasrc ! video/x-raw(memory:NVMM),width=640",
            "nvvidconv ! video/x-raw(memory:NVMM),format=I420 ! nvjpegenc ! ",
        ),
    ],
)
def test_a_jetsons_encoder_is_used_where_there_is_one(monkeypatch, pipeline, elements):
    monkeypatch.setattr(gstreamer, "_exists", lambda element: True)
    assert gstreamer.encoding(pipeline.split()) == elements


def test_what_a_shell_would_run_is_not_run(tmp_path):
    stolen = tmp_path / "stolen"
    refusal(f"{LIVE} ; touch {stolen}")
    refusal(f"{LIVE} $(touch {stolen})")
    assert not stolen.exists()


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [
        (f"{LIVE} ! avdec_nothing", "no element 'avdec_nothing'; install gstreamer1.0-libav"),
        (f"{LIVE} ! nonsense", "no element 'nonsense'; check its name"),
        ("nvarguscamerasrc", "JetPack"),
        (f"{LIVE} ! ! tee", "mistake in its syntax"),
        (f"{LIVE} shape=2", "'videotestsrc' has no property 'shape'"),
        ("audiotestsrc", "do not fit together"),
        ("v4l2src device=/dev/video99", "failed in 'v4l2src0': Cannot identify device"),
        ("videotestsrc num-buffers=0", "has ended"),
    ],
)
def test_a_pipeline_that_does_not_run_says_why(pipeline, words):
    assert words in refusal(pipeline)


def test_a_jetsons_camera_elsewhere_says_what_is_missing():
    with closing(from_spec("jetson-csi:0")) as source, pytest.raises(CameraError, match="JetPack"):
        source.open()
        source.read()


def test_a_machine_without_gstreamer_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "apt-get install gstreamer1.0-tools" in refusal(LIVE)


def test_a_password_is_in_no_text():
    pipeline = "souphttpsrc location=http://me:hidden@127.0.0.1:9/"
    assert "hidden" not in refusal(pipeline) + GStreamerSource(pipeline).describe()
    said = "ERROR: from element /GstPipeline:p/GstX:x0: Can't open rtsp://me:hidden@host/a."
    assert explain(said) == "The pipeline failed in 'x0': Can't open rtsp://host/a."


def test_a_pipeline_that_is_silent_ends_with_a_sentence(monkeypatch):
    monkeypatch.setattr("camera.sources.child._FIRST_TIMEOUT", 0.5)
    assert "gives no pictures" in refusal(SILENT)


def test_nothing_is_left_of_a_pipeline_that_was_closed():
    with closing(GStreamerSource(LIVE)) as source:
        source.open()
        source.read()
        assert launched()
    assert not launched()


def test_a_pipeline_that_does_not_obey_is_killed():
    with closing(GStreamerSource(LIVE)) as source:
        source.open()
        source.read()
        os.kill(launched()[0], signal.SIGSTOP)
    assert not launched()


def test_a_silent_pipeline_ends_where_this_program_is_killed(until):
    script = (
        "import sys, time; from camera.sources.gstreamer import GStreamerSource\n"
        f"source = GStreamerSource({SILENT!r}); source.open()\n"
        "print(source._child._process.pid, flush=True); time.sleep(60)"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    pipeline = Path(f"/proc/{int(program.stdout.readline())}")
    until(lambda: "gst-launch" in (pipeline / "comm").read_text())
    program.kill()
    program.communicate()
    # A container whose first process reaps nobody leaves it as a zombie.
    until(lambda: not pipeline.exists() or "\nState:\tZ" in (pipeline / "status").read_text())


def test_a_pipeline_that_dies_is_begun_again(grab, until):
    grabber = grab(GStreamerSource(LIVE))
    until(lambda: grabber.status().state is CameraState.LIVE)
    before = grabber.status().frames
    os.kill(launched()[0], signal.SIGKILL)
    until(lambda: grabber.status().reconnections > 0)
    until(lambda: grabber.status().frames > before + 5)


def test_a_pipeline_that_hangs_is_left_behind(grab, until):
    grabber = grab(GStreamerSource(LIVE), stall_after=0.3, lost_after=0.8)
    until(lambda: grabber.status().state is CameraState.LIVE)
    before = grabber.status().frames
    os.kill(launched()[0], signal.SIGSTOP)
    until(lambda: grabber.status().reconnections > 0)
    until(lambda: grabber.status().frames > before + 5)
