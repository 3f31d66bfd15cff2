"""Where pictures come from: one module a kind of source, and the string that names one.

A source knows nothing of threads, reconnection and viewers. What every source is, is in source.py;
spec.py knows all kinds, and loads them.
"""
