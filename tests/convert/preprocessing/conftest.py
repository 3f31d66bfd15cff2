"""Models of known preprocessing and pictures for them, for the tests of the doctor."""

from known_preprocessing import labelled, trained

__all__ = ["labelled", "trained"]
