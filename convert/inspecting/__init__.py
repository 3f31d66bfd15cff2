"""What is in a .tflite, a SavedModel or a Keras file: convert inspect."""
