"""A camera that shows the colours that a model of colours knows, one after the other."""

from __future__ import annotations

import threading
import time

import numpy as np


class Slides:
    """A source that shows the next colour when it is told to."""

    def __init__(self):
        self.next = threading.Semaphore(1)
        self.colour = 0

    def open(self):
        pass

    def read(self):
        self.next.acquire(timeout=30)
        pixels = np.zeros((24, 24, 3), np.uint8)
        pixels[..., self.colour % 3] = 255
        self.colour += 1
        return pixels

    def close(self):
        self.next.release()

    def describe(self):
        return "slides"


class Reel(Slides):
    """Shows new colours by itself."""

    def read(self):
        time.sleep(0.01)
        self.next.release()
        return super().read()
