"""Turns a TensorFlow SavedModel into a validated, self-describing .tflite file."""
