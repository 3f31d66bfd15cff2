"""Stands in for Raspberry Pi's picamera2, as far as picamera2_child.py uses it: no Pi is here.

It behaves as the JSON in PICAMERA2_STAND_IN says, and notes what it was told in the file `log`.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

PLAY = json.loads(os.environ["PICAMERA2_STAND_IN"])


def note(*what):
    with Path(PLAY["log"]).open("a") as log:
        log.write(json.dumps(what) + "\n")


class Picamera2:
    @staticmethod
    def global_camera_info():
        return PLAY["cameras"]

    def __init__(self, camera_num=0):
        if PLAY.get("busy"):
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self._number = camera_num
        self._over = threading.Event()

    def create_video_configuration(self, main=None, controls=None):
        return {"main": main, "controls": controls}

    def configure(self, configuration):
        note("configured", self._number, configuration)

    def start_recording(self, encoder, output):
        note("recording", type(encoder).__name__)
        output.start()
        self._thread = threading.Thread(target=self._record, args=(output,), daemon=True)
        self._thread.start()

    def stop_recording(self):
        self._over.set()
        self._thread.join()
        note("stopped")

    def close(self):
        note("closed")

    def _record(self, output):
        pictures = [Path(path).read_bytes() for path in PLAY["pictures"]]
        count = 0
        while pictures and not self._over.wait(0.02):
            output.outputframe(pictures[count % len(pictures)], True, count)
            count += 1
