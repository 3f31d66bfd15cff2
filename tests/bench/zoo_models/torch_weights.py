"""Reads the tensors of a PyTorch state dict in the format before version 1.6, without PyTorch.

Such a file is a row of pickles (magic number, protocol, system, the dict, the storages' keys), then
each storage: its count of elements (int64), and the elements. `torch.load` in PyTorch's
`serialization.py` (`_legacy_load`) is the reference. No code of the file is run: of its classes
only the few that a state dict of tensors needs are known.
"""

from __future__ import annotations

import collections
import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BufferedIOBase, storages: dict[str, Any]) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda key, offset, shape, strides, *_: (key, offset, shape, strides)
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not expected in a state dict")

    def persistent_load(self, named: Any) -> str:
        _, dtype, key, _, count, _ = named
        self._storages[key] = (dtype, count)
        return str(key)


def read(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of a state dict by name. Raises UnpicklingError for any other file."""
    found: dict[str, Any] = {}
    with path.open("rb") as file:
        if _Unpickler(file, {}).load() != _MAGIC:
            raise pickle.UnpicklingError(f"{path} is not of PyTorch's format before 1.6")
        for _ in range(2):
            _Unpickler(file, {}).load()
        tensors = _Unpickler(file, found).load()
        values = {}
        for key in _Unpickler(file, {}).load():
            dtype, count = found[key]
            assert int.from_bytes(file.read(8), "little") == count
            values[key] = np.frombuffer(file.read(count * np.dtype(dtype).itemsize), dtype)
    arrays = {}
    for name, (key, offset, shape, strides) in tensors.items():
        size = values[key].itemsize
        # A view of the storage, in elements.
        view = values[key][offset:]
        arrays[name] = np.lib.stride_tricks.as_strided(view, shape, [s * size for s in strides])
    return arrays
