"""The one .tflite that carries everything: graph, metadata, manifest, golden samples."""
