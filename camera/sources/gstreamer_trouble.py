"""What gst-launch-1.0 writes when it fails -> one sentence that says what to do; starts nothing."""

from __future__ import annotations

import re
from typing import Final

# Which package brings an element, by the beginning of its name.
_PACKAGES: Final = {
    "nv": "NVIDIA's nvidia-l4t-gstreamer of JetPack",
    "avdec_": "gstreamer1.0-libav",
    "avenc_": "gstreamer1.0-libav",
    "libcamera": "gstreamer1.0-libcamera",
    "x264": "gstreamer1.0-plugins-ugly",
    **dict.fromkeys(
        ("h264parse", "h265parse", "jpegparse", "de265", "openh264", "srt", "rtmp", "v4l2codecs"),
        "gstreamer1.0-plugins-bad",
    ),
    **dict.fromkeys(
        ("v4l2", "rtsp", "rtp", "udp", "jpeg", "multipart", "souphttp", "video", "deinterlace"),
        "gstreamer1.0-plugins-good and gstreamer1.0-plugins-base",
    ),
    **dict.fromkeys(
        ("decodebin", "uridecodebin", "playbin", "compositor"), "gstreamer1.0-plugins-base"
    ),
}


# What is wrong with a pipeline before it runs, and what to say of it.
_MISTAKES: Final = (
    (
        r'no property "([^"]*)" in element "([^"]*)"',
        r"The element '\2' has no property '\1'; gst-inspect-1.0 \2 lists those it has.",
    ),
    (
        r"could not link (\S+) to ([^\s,]+)",
        r"The pipeline's elements '\1' and '\2' do not fit together; "
        r"let it end in video/x-raw or image/jpeg.",
    ),
    (
        r"erroneous pipeline",
        r"The pipeline has a mistake in its syntax; try it with gst-launch-1.0.",
    ),
)


def explain(errors: str | None) -> str:
    """The first error, without credentials; None means that the pipeline runs and is silent."""
    if errors is None:
        return "The pipeline gives no pictures; check the camera, or try it with gst-launch-1.0."
    # user:password@, wherever an address is repeated.
    text = re.sub(r"[^\s/\"'@]*:[^\s/\"'@]*@", "", errors)
    if missing := re.search(r'no element "([^"]*)"', text):
        return f"GStreamer has no element '{missing[1]}'; {_install(missing[1])}."
    for pattern, sentence in _MISTAKES:
        if mistake := re.search(pattern, text):
            return mistake.expand(sentence)
    if failed := re.search(r"ERROR: from element \S*?([^/:\s]+): (.+)", text):
        cause = re.search(r"\n(?!\.\./|Additional|ERROR)([^\n]{3,200})$", text, re.MULTILINE)
        detail = f" ({cause[1].rstrip('.')})" if cause else ""
        return f"The pipeline failed in '{failed[1]}': {failed[2].rstrip('.')}{detail}."
    return "The pipeline has ended; it is begun again."


def _install(element: str) -> str:
    for beginning, package in _PACKAGES.items():
        if element.startswith(beginning):
            return f"install {package}"
    return "check its name, or find its package with apt-file"
