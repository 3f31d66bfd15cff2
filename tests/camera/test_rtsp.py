"""RTSP cameras on loopback: GStreamer's server is the camera, with real encoders."""

from __future__ import annotations

import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from camera.errors import CameraError
from camera.sources.rtsp import RtspSource
from camera.sources.spec import from_spec
from camera.state import CameraState
from rtsp_camera import age

COMMAND = [sys.executable, "-m", "camera", "-v", "snapshot"]
CERTIFICATE = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=camera"]


def pictures(url, count=3):
    source = from_spec(url)
    with closing(source):
        source.open()
        return [source.read() for _ in range(count)]


def refusal(url):
    with pytest.raises(CameraError) as raised:
        pictures(url)
    return str(raised.value)


@pytest.mark.parametrize("encoding", ["h264", "h265", "mjpeg"])
def test_the_newest_pictures_of_a_camera_come(rtsp_camera, encoding):
    for picture in pictures(rtsp_camera("--encoding", encoding).url(), 10):
        assert picture.shape == (240, 320, 3)
        assert age(picture) < 1.0
        assert picture[-20, -20].mean() < 40


def test_a_picture_in_slices_comes_once(rtsp_camera):
    seen = pictures(rtsp_camera("--encoding", "slices").url(), 12)
    first, last = (float(seen[n][20, 20].mean()) for n in (0, -1))
    # From one picture to the next it gets brighter by 2.5 of 255, and then begins anew.
    assert (last - first) % 256 > 20


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_camera_that_knows_one_transport_only_is_understood(rtsp_camera, transport):
    assert pictures(rtsp_camera("--transport", transport).url())


@pytest.mark.parametrize("ways", [[], ["--digest"]], ids=["basic", "digest"])
def test_user_and_password_open_the_camera_and_wrong_ones_say_so(rtsp_camera, ways, capfd):
    camera = rtsp_camera("--user", "me", "--password", "p@ss w:rd/?", *ways)
    assert pictures(camera.url("me:p%40ss%20w%3Ard%2F%3F@"))
    for credentials in ("", "me:hidden@"):
        assert "another user or password" in refusal(camera.url(credentials))
    assert "status 404" in refusal(camera.url("me:p%40ss%20w%3Ard%2F%3F@", path="nothing"))
    # Of all that OpenCV and FFmpeg write themselves, too.
    said = "".join(capfd.readouterr())
    assert not any(secret in said for secret in ("hidden", "p%40ss", "p@ss"))


def test_a_password_is_in_no_line_that_anything_writes(rtsp_camera, tmp_path):
    camera = rtsp_camera("--user", "me", "--password", "secret")
    output = str(tmp_path / "x.jpg")
    for credentials, status in (("me:hidden@", 1), ("me:secret@", 0)):
        done = subprocess.run(
            [*COMMAND, camera.url(credentials), "-o", output],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={name: value for name, value in os.environ.items() if "OPENCV" not in name},
        )
        assert done.returncode == status
        assert "hidden" not in done.stdout + done.stderr
        assert "secret" not in done.stdout + done.stderr
        assert camera.url().removeprefix("rtsp://") in done.stdout + done.stderr


def test_an_encrypted_stream_is_read(rtsp_camera, tmp_path):
    both = tmp_path / "camera.pem"
    subprocess.run(
        [*CERTIFICATE, "-keyout", str(both), "-out", str(tmp_path / "certificate.pem")],
        check=True,
        capture_output=True,
    )
    both.write_text((tmp_path / "certificate.pem").read_text() + both.read_text())
    camera = rtsp_camera("--certificate", str(both))
    assert pictures(camera.url(scheme="rtsps"))
    assert "status 404" in refusal(camera.url(scheme="rtsps", path="nothing"))


def test_a_camera_without_video_says_so(rtsp_camera):
    assert "has no video" in refusal(rtsp_camera("--encoding", "sound").url())


class Silent(socketserver.StreamRequestHandler):
    """A camera that agrees to everything, and then sends nothing."""

    SDP = b"v=0\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

    def handle(self):
        while request := self.rfile.readline():
            fields = b"".join(iter(self.rfile.readline, b"\r\n"))
            number = re.search(rb"CSeq: *(\d+)", fields)[1]
            body = self.SDP if request.startswith(b"DESCRIBE") else b""
            self.wfile.write(
                b"RTSP/1.0 200 OK\r\nCSeq: %s\r\nSession: 1\r\nContent-Length: %d\r\n"
                b"Public: DESCRIBE, SETUP, PLAY\r\nContent-Type: application/sdp\r\n"
                b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n%s"
                % (number, len(body), body)
            )


def test_a_camera_that_sends_no_pictures_says_so(monkeypatch):
    monkeypatch.setattr("camera.sources.rtsp._TIMEOUT", 1.0)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sentence = refusal(f"rtsp://127.0.0.1:{server.server_address[1]}/live")
        server.shutdown()
    assert "sends no pictures" in sentence


def test_nobody_there_is_an_error_with_the_reason():
    assert "can't be reached: Connection refused" in refusal("rtsp://127.0.0.1:9/live")


def test_another_kind_of_server_is_told_from_a_camera():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            for _ in range(3):
                client, _ = server.accept()
                with client:
                    client.recv(1000)
                    client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        threading.Thread(target=answer, daemon=True).start()
        sentence = refusal(f"rtsp://127.0.0.1:{server.getsockname()[1]}/live")
    assert "does not answer as an RTSP camera" in sentence


def test_a_reader_that_was_slow_gets_a_fresh_picture_next(rtsp_camera):
    with closing(RtspSource(rtsp_camera().url())) as source:
        source.open()
        source.read()
        time.sleep(2.0)
        assert age(source.read()) < 1.0


def test_lost_packets_cost_pictures_not_the_stream(rtsp_camera):
    assert len(pictures(rtsp_camera("--loss", "0.1").url(), 40)) == 40


@pytest.mark.parametrize("size", ["160x120", "640x360"])
def test_after_a_change_of_size_the_whole_scene_is_seen(
    rtsp_camera, grab, until, monkeypatch, size
):
    monkeypatch.setattr("camera.sources.standstill._SUSPICIOUS", 0.5)
    camera = rtsp_camera("--encoding", "h264")
    grabber = grab(RtspSource(camera.url()))
    until(lambda: grabber.status().state is CameraState.LIVE)
    camera.resize(size)

    def whole():
        """The lower right quarter is black, in whatever size; the others are of one moment."""
        pixels = grabber.latest().pixels[:, :, 0].astype(int)
        y, x = (side // 2 for side in pixels.shape)
        right = int((pixels[y + y // 2] - pixels[y + y // 2, 0] < -10).argmax())
        low = int((pixels[:, x + x // 2] - pixels[0, x + x // 2] < -10).argmax())
        one_moment = abs(pixels[4, 4] - pixels[-4, 4]) < 4
        return one_moment and abs(right - x) < 5 and abs(low - y) < 5

    # Not at once: the pictures of before are whole too.
    time.sleep(1.5)
    until(whole)


def test_a_camera_that_reboots_is_found_again(rtsp_camera, grab, until):
    camera = rtsp_camera()
    grabber = grab(RtspSource(camera.url()))
    until(lambda: grabber.status().state is CameraState.LIVE)
    camera.kill()
    until(lambda: grabber.status().state is CameraState.LOST)
    before = grabber.status().frames
    camera.start()
    until(lambda: grabber.status().frames > before + 5)
    assert grabber.status().state is CameraState.LIVE
    assert age(grabber.latest().pixels) < 1.0


def test_a_camera_that_hangs_is_left_behind_until_it_goes_on(rtsp_camera, grab, until):
    camera = rtsp_camera()
    grabber = grab(RtspSource(camera.url()), stall_after=0.5, lost_after=1.5)
    until(lambda: grabber.status().state is CameraState.LIVE)
    camera.freeze()
    until(lambda: grabber.status().state is CameraState.LOST)
    before = grabber.status().frames
    camera.thaw()
    until(lambda: grabber.status().frames > before, patience=40.0)


def test_a_read_that_gets_nothing_ends_by_itself(rtsp_camera, monkeypatch):
    monkeypatch.setattr("camera.sources.rtsp._TIMEOUT", 1.0)
    camera = rtsp_camera("--encoding", "mjpeg")
    with closing(RtspSource(camera.url())) as source:
        source.open()
        source.read()
        camera.freeze()
        with pytest.raises(CameraError, match="no pictures any more"):
            while True:
                source.read()
