"""SavedModels and Keras files -> a float function with one image input."""
