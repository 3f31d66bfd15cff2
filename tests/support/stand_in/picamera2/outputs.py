import io


class FileOutput:
    """Swallows what goes wrong when it writes, as the real one does."""

    def __init__(self, file=None):
        if not isinstance(file, io.BufferedIOBase):
            raise RuntimeError("Must pass io.BufferedIOBase")  # noqa: TRY004, as the real one
        self._file = file
        self.recording = False

    def start(self):
        self.recording = True

    def outputframe(self, frame, keyframe=True, timestamp=None):
        try:
            self._file.write(frame)
            self._file.flush()
        except (ConnectionResetError, BrokenPipeError, ValueError):
            pass
