"""The one reader of label files: of options, of files beside a model and of those inside of it."""

from edge_server.inference.labels.label_file import (
    LabelFile,
    fitting,
    from_bytes,
    listed,
    of_own_file,
    read,
)

__all__ = ["LabelFile", "fitting", "from_bytes", "listed", "of_own_file", "read"]
