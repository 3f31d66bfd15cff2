from __future__ import annotations

import pytest

from camera.sources.v4l2.offer import Choice, Mode, Offer, choose, shown

VGA, HD, FULL = (640, 480), (1280, 720), (1920, 1080)


def modes(**rates):
    """vga=30 ... as modes with that highest rate."""
    sizes = {"vga": VGA, "hd": HD, "full": FULL}
    return tuple(Mode(sizes[name], (float(rate), 5.0)) for name, rate in rates.items())


WEBCAM = [
    Offer("YUYV", modes(vga=30, hd=10, full=5)),
    Offer("MJPG", modes(full=30, hd=30, vga=30)),
]


@pytest.mark.parametrize(
    ("offers", "asked", "chosen"),
    [
        (WEBCAM, {}, Choice("MJPG", HD)),
        (WEBCAM, {"code": "YUYV"}, Choice("YUYV", VGA)),
        (WEBCAM, {"size": FULL}, Choice("MJPG", FULL)),
        (WEBCAM, {"code": "YUYV", "size": FULL}, Choice("YUYV", FULL)),
        ([Offer("YUYV", modes(vga=30, hd=30)), Offer("H264")], {}, Choice("YUYV", HD)),
        ([Offer("MJPG", modes(vga=30))], {}, Choice("MJPG", VGA)),
        ([Offer("MJPG", modes(vga=30)), WEBCAM[0]], {"size": FULL}, Choice("YUYV", FULL)),
        ([Offer("MJPG", modes(vga=30))], {"size": FULL}, Choice("MJPG", FULL)),
        ([Offer("YUYV", modes(hd=10, full=5))], {}, Choice("YUYV", HD)),
        ([Offer("MJPG", (Mode(FULL), Mode(VGA)))], {}, Choice("MJPG", FULL)),
        ([Offer("GREY")], {}, Choice("GREY", HD)),
        ([Offer("H264")], {}, None),
    ],
    ids=[
        "MJPG of 720p",
        "fluent before large",
        "a size that is offered",
        "both given",
        "720p where it is fluent",
        "no 720p",
        "the format that has the size",
        "a size that is not offered",
        "nothing fluent",
        "rates not told",
        "sizes not told",
        "no format known",
    ],
)
def test_what_a_camera_is_asked_for(offers, asked, chosen):
    assert choose(offers, **asked) == chosen


def test_a_size_between_steps_is_the_step_below():
    any_size = Mode((1920, 1088), least=(32, 32), step=(16, 16))
    assert any_size.nearest((1000, 2000)) == (992, 1088)
    assert choose([Offer("YUYV", (any_size,))]).size == (1280, 720)


def test_formats_with_the_same_sizes_share_a_line():
    offers = [Offer("YUYV", modes(vga=30)), Offer("H264"), Offer("NV12", modes(vga=30))]
    assert shown([*offers, Offer("MJPG", (Mode(HD, (30.0,)),))]) == [
        "YUYV, NV12: 640x480 (5 to 30 fps)",
        "MJPG: 1280x720 (30 fps)",
    ]


def test_a_camera_of_many_sizes_keeps_to_one_line():
    many = tuple(Mode((width, 100)) for width in range(100, 3100, 100))
    (line,) = shown([Offer("MJPG", many)])
    assert line.startswith("MJPG: 3000x100, 2900x100")
    assert line.endswith(", and 22 smaller")
    assert shown([Offer("MJPG")]) == ["MJPG: sizes not told"]
