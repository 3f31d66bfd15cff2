"""Which preprocessing a model expects: convert doctor, and its short form in a build."""
