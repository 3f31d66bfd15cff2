"""An RTSP camera on loopback: GStreamer's own server, run by the system's Python, which has `gi`.

Each picture is a gray that tells when it was made: `time.monotonic()` modulo ROUND seconds, from
black to white; its lower right quarter is black. It prints its port; a line `WxH` on its standard
input changes the size.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time

import gi

for library in ("Gst", "GstRtsp", "GstRtspServer"):
    gi.require_version(library, "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402, the versions first

ROUND = 4.0
FPS = 25
_FAST = "tune=zerolatency speed-preset=ultrafast key-int-max=12"
H264 = f"x264enc {_FAST} option-string=scenecut=0"
ENCODINGS = {
    "h264": f"{H264} threads=1 ! rtph264pay config-interval=-1",
    "slices": "x264enc tune=zerolatency threads=2 key-int-max=1 ! rtph264pay config-interval=-1",
    "h265": f"x265enc {_FAST} ! rtph265pay config-interval=-1",
    "mjpeg": "jpegenc ! rtpjpegpay",
    "sound": "",
}


class Pictures:
    """Feeds the encoder of whoever watches, FPS pictures a second."""

    def __init__(self, size: tuple[int, int], loss: float) -> None:
        self.size = size
        self._loss = loss
        self._feeding: list[Gst.Element] = []

    def begin(self, _factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia):
        feed = media.get_element().get_by_name("feed")
        if feed is None:
            return
        if self._loss:
            pad = media.get_element().get_by_name("pay0").get_static_pad("src")
            pad.add_probe(Gst.PadProbeType.BUFFER | Gst.PadProbeType.BUFFER_LIST, self._lose)
        self._feeding = [feed]

    def push(self) -> bool:
        width, height = self.size
        gray = int(time.monotonic() % ROUND / ROUND * 256)
        level = bytes([16 + gray * 219 // 255])  # video range
        planes = level * (width * height // 2)
        planes += (level * (width // 2) + bytes([16]) * (width // 2)) * (height // 2)
        planes += bytes([128]) * (width * height // 2)
        for feed in self._feeding:
            # Before that there is no clock, and encoders stop at a picture without a time.
            if feed.get_state(0).state != Gst.State.PLAYING:
                continue
            feed.set_property("caps", caps(self.size))
            feed.emit("push-buffer", Gst.Buffer.new_wrapped(planes))
        return True

    def _lose(self, *_arguments: object) -> Gst.PadProbeReturn:
        lost = random.random() < self._loss
        return Gst.PadProbeReturn.DROP if lost else Gst.PadProbeReturn.OK


def caps(size: tuple[int, int]) -> Gst.Caps:
    width, height = size
    return Gst.Caps.from_string(
        f"video/x-raw,format=I420,width={width},height={height},framerate={FPS}/1"
    )


def launch(encoding: str) -> str:
    if encoding == "sound":
        return "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 )"
    return (
        "( appsrc name=feed is-live=true format=time do-timestamp=true ! videoconvert ! "
        f"video/x-raw,format=I420 ! {ENCODINGS[encoding]} name=pay0 pt=96 )"
    )


def protect(
    server: GstRtspServer.RTSPServer,
    factory: GstRtspServer.RTSPMediaFactory,
    options: argparse.Namespace,
) -> None:
    """Asks for user and password, or encrypts."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if options.certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(options.certificate))
        auth.set_default_token(token)
    elif options.digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    else:
        basic = GstRtspServer.RTSPAuth.make_basic(options.user, options.password)
        auth.add_basic(basic, token)
    server.set_auth(auth)
    allowed = GstRtspServer.RTSPPermissions()
    for right in ("access", "construct"):
        allowed.add_permission_for_role("viewer", f"media.factory.{right}", True)
    factory.set_permissions(allowed)


def obey(pictures: Pictures) -> None:
    for line in sys.stdin:
        width, height = map(int, line.split("x"))
        pictures.size = (width, height)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--encoding", choices=ENCODINGS, default="h264")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--loss", type=float, default=0.0, help="share of packets")
    parser.add_argument("--transport", choices=("tcp", "udp", "both"), default="both")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--certificate", help="a PEM file with its key")
    options = parser.parse_args()

    Gst.init(None)
    server, factory = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory()
    server.set_address("127.0.0.1")
    server.set_service(str(options.port))
    factory.set_launch(launch(options.encoding))
    factory.set_shared(True)
    ways = {
        "tcp": GstRtsp.RTSPLowerTrans.TCP,
        "udp": GstRtsp.RTSPLowerTrans.UDP,
        "both": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
    }
    factory.set_protocols(ways[options.transport])
    width, height = map(int, options.size.split("x"))
    pictures = Pictures((width, height), options.loss)
    factory.connect("media-configure", pictures.begin)
    if options.user or options.certificate:
        protect(server, factory, options)
    server.get_mount_points().add_factory("/live", factory)
    if not server.attach(None):
        sys.exit("the port is taken")
    print(server.get_bound_port(), flush=True)
    threading.Thread(target=obey, args=(pictures,), daemon=True).start()
    GLib.timeout_add(1000 // FPS, pictures.push)
    GLib.MainLoop().run()


main()
