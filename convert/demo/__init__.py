"""The demo model: a classifier of handwritten digits, trained from scikit-learn's real data."""
