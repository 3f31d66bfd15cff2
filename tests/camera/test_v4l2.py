from __future__ import annotations

import ctypes
import errno
import shutil
import subprocess

import pytest

from camera.sources.v4l2 import listing, structures
from camera.sources.v4l2.offer import Mode, Offer
from tools import missing

CAPTURE, METADATA, M2M, DEVICE_CAPS = 0x1, 0x00800000, 0x8000, 0x80000000
STRUCTURES = {
    "capability": structures.Capability,
    "fmtdesc": structures.FormatDescription,
    "frmsizeenum": structures.FrameSize,
    "frmivalenum": structures.FrameInterval,
    "format": structures.Format,
    "streamparm": structures.Parameters,
    "requestbuffers": structures.BuffersRequest,
    "buffer": structures.Buffer,
}
NUMBERS = (
    *("QUERYCAP", "ENUM_FMT", "G_FMT", "S_FMT", "REQBUFS", "QUERYBUF", "QBUF", "DQBUF"),
    *("STREAMON", "STREAMOFF", "G_PARM", "S_PARM", "ENUM_FRAMESIZES", "ENUM_FRAMEINTERVALS"),
)
OFFSETS = {
    "format.fmt.pix.bytesperline": (structures.Format, ("fmt", "pix", "bytesperline")),
    "buffer.timestamp": (structures.Buffer, ("timestamp",)),
    "buffer.sequence": (structures.Buffer, ("sequence",)),
    "buffer.m.offset": (structures.Buffer, ("m", "offset")),
    "buffer.length": (structures.Buffer, ("length",)),
    "frmivalenum.stepwise": (structures.FrameInterval, ("either", "stepwise")),
    "streamparm.parm.capture.timeperframe": (
        structures.Parameters,
        ("parm", "capture", "timeperframe"),
    ),
}


def offset(kind, path):
    total = 0
    for name in path:
        total += getattr(kind, name).offset
        kind = dict(kind._fields_)[name]
    return total


def test_sizes_offsets_and_numbers_are_those_of_the_c_compiler(tmp_path):
    if shutil.which("gcc") is None:
        missing("gcc", "the layout of structures is compared with that of gcc")
    prints = [f'printf("%zu\\n", sizeof(struct v4l2_{name}));' for name in STRUCTURES]
    prints += [f'printf("%lu\\n", (unsigned long)VIDIOC_{name});' for name in NUMBERS]
    for name in OFFSETS:
        head, _, rest = name.partition(".")
        prints.append(f'printf("%zu\\n", __builtin_offsetof(struct v4l2_{head}, {rest}));')
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <stdio.h>\n#include <linux/videodev2.h>\nint main(void) {" + "".join(prints) + "}"
    )
    subprocess.run(["gcc", source, "-o", tmp_path / "layout"], check=True, timeout=60)
    printed = subprocess.run(
        [tmp_path / "layout"], capture_output=True, text=True, check=True, timeout=10
    ).stdout.split()
    ours = [ctypes.sizeof(kind) for kind in STRUCTURES.values()]
    ours += [getattr(structures, name) for name in NUMBERS]
    ours += [offset(*place) for place in OFFSETS.values()]
    assert ours == [int(number) for number in printed]


@pytest.mark.parametrize(
    ("whole", "device", "answer"),
    [
        (DEVICE_CAPS | CAPTURE | METADATA, CAPTURE, True),
        (DEVICE_CAPS | CAPTURE | METADATA, METADATA, False),
        (DEVICE_CAPS | M2M, M2M, False),
        (CAPTURE, 0, True),
    ],
    ids=["uvc picture", "uvc metadata", "codec", "old driver"],
)
def test_only_nodes_that_capture_pictures_count(whole, device, answer):
    capability = structures.Capability(capabilities=whole, device_caps=device)
    assert bool(capability.of_node & structures.CAN_CAPTURE) is answer


def test_a_fourcc_is_text_and_number():
    assert structures.fourcc("MJPG") == 0x47504A4D
    assert structures.fourcc_text(0x47504A4D) == "MJPG"
    assert structures.fourcc_text(0x00414141) == "AAA?"


OFFERS = (Offer("MJPG", (Mode((1280, 720), (30.0,)),)),)


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """sysfs and /dev of a machine with five nodes; what each answers is played."""
    answers = {
        "video0": OFFERS,
        "video1": OSError(errno.EINVAL, "metadata"),
        "video2": PermissionError(),
        "video10": (),
        "video11": OSError(errno.ENODEV, "just unplugged"),
    }

    def offers(path):
        answer = answers[path.rpartition("/")[2]]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(listing, "_offers", offers)
    sysfs, dev = tmp_path / "sys", tmp_path / "dev"
    (dev / "v4l" / "by-id").mkdir(parents=True)
    for number, name in enumerate(answers):
        (sysfs / name).mkdir(parents=True)
        (sysfs / name / "name").write_text(f"Cam {number}\n")
        (dev / name).touch()
    (sysfs / "v4l-subdev0").mkdir()
    (dev / "v4l" / "by-id" / "usb-cam-b").symlink_to("../../video10")
    return sysfs, dev


def test_cameras_are_listed_with_the_string_that_uses_them_and_what_they_offer(machine):
    sysfs, dev = machine
    note = "may not be asked; add this user to the group video"
    assert listing.list_devices(sysfs, dev) == [
        listing.VideoDevice("usb:0", "Cam 0", OFFERS),
        listing.VideoDevice("usb:2", "Cam 2", note=note),
        listing.VideoDevice(f"usb:{dev}/v4l/by-id/usb-cam-b", "Cam 3"),
    ]


def test_a_machine_without_v4l2_has_no_cameras(tmp_path):
    assert listing.list_devices(tmp_path / "nothing", tmp_path) == []
