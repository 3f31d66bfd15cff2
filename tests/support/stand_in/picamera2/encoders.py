from picamera2 import PLAY


class JpegEncoder:
    def __init__(self, num_threads=4, q=None):
        pass


class LibavMjpegEncoder:
    pass


class MJPEGEncoder:
    def __init__(self, bitrate=None):
        pass


if not PLAY.get("hardware", True):
    MJPEGEncoder = LibavMjpegEncoder  # as on a Pi 5
