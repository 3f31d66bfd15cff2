"""Cameras: sources of pictures, the thread that keeps the newest one, and its broadcast to viewers.

Knows nothing of classification or HTTP.
"""
