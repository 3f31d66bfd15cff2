"""What a Pi has and the kernel's simulated camera has not, for picamera2 in the process of our own.

picamera2 takes a machine that it does not know for a Pi 4, whose encoder in hardware is not here:
it is told that it is on a Pi 5. And it asks every camera how fast it may be; the simulated one
does not say. All else is picamera2's, libcamera's and the kernel's own.
"""

import sys
from types import SimpleNamespace

if any(argument.endswith("picamera2_child.py") for argument in sys.orig_argv):
    import picamera2
    import picamera2.encoders

    picamera2.encoders.MJPEGEncoder = picamera2.encoders.LibavMjpegEncoder
    _start_encoder = picamera2.Picamera2.start_encoder

    def _start(self, *arguments, **options):
        limits = SimpleNamespace(min=33_333, max=100_000, default=33_333)
        self.camera_ctrl_info.setdefault("FrameDurationLimits", (None, limits))
        return _start_encoder(self, *arguments, **options)

    picamera2.Picamera2.start_encoder = _start
