"""The device's code and the target's runtime, in a process of their own."""
