"""Linux's interface to cameras (V4L2), by its ioctls alone: what there is, and pictures from it.

Knows nothing of reconnection. Its modules are imported on any system, its devices are Linux's.
"""
