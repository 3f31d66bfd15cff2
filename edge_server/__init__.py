"""Serves one self-describing .tflite image classifier over HTTP, from uploads and a camera."""

__version__ = "0.1.0"
