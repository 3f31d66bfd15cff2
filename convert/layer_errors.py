"""The error of each layer of a quantized graph, and what it cuts off, on photos it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from convert import model_inputs
from convert.file import tflite_schema
from convert.file.tflite_schema import schema
from convert.graph_pair import operator_code, quantization, tensor_name, twins
from convert.interpreter import Array
from convert.layer_statistics import LayerStatistics
from convert.operator_stream import OperatorStream
from edge_server.inference.decoding import Pixels
from edge_server.inference.preprocessing import Preprocessing

_NAMES = {
    value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)
}
# They only give their input another shape.
_NO_LAYERS = frozenset((schema.BuiltinOperator.RESHAPE, schema.BuiltinOperator.SQUEEZE))
# Their range is the operator's own, not one that calibration found: 1.0 is just out of it.
_FIXED_RANGE = frozenset(
    getattr(schema.BuiltinOperator, name)
    for name in ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION")
)
# Among fewer values one beyond the range is no rate yet, as in the few scores of a small head.
_FEW_VALUES = 4000


def measure(
    float_model: bytes, candidate: bytes, pictures: Sequence[Pixels], spec: Preprocessing
) -> tuple[LayerStatistics, ...]:
    """Compare the candidate's layers with the float model's, in the order of execution.

    Both run on the same pictures, uint8 (h, w, c) as preprocessing.resize gives them; errors of
    earlier layers go into those of later ones, as they do in use. Empty where the graphs can't be
    compared operator by operator.
    """
    original, quantized = map(tflite_schema.unpack, (float_model, candidate))
    try:
        return tuple(_layers(original, quantized, pictures, spec))
    except (RuntimeError, ValueError):  # an operator that can't be run by itself
        return ()


def _layers(
    original: Any, quantized: Any, pictures: Sequence[Pixels], spec: Preprocessing
) -> list[LayerStatistics]:
    ahead = OperatorStream(original, model_inputs.tensors(original, pictures, spec))
    stream = OperatorStream(quantized, model_inputs.tensors(quantized, pictures, spec))
    pairs = twins(original, quantized)
    done = 0
    found = []
    for index, operator in enumerate(quantized.subgraphs[0].operators):
        outputs = stream.run(index)
        if index in pairs:
            while done <= pairs[index]:
                expected = ahead.run(done)
                ahead.keep(done, expected)
                done += 1
            code = operator_code(quantized, operator)
            if code not in _NO_LAYERS:
                tensor = int(operator.outputs[0])
                error, saturated = _compare(quantized, tensor, expected[0], outputs[0])
                few = sum(values.size for values in outputs[0]) < _FEW_VALUES
                if few or code in _FIXED_RANGE:
                    saturated = 0.0
                found.append(
                    LayerStatistics(
                        name=tensor_name(quantized, tensor),
                        operator=_NAMES[code],
                        error=error,
                        saturated=saturated,
                        kept_in_float=quantization(quantized, tensor) is None,
                    )
                )
        stream.keep(index, outputs)
    return found


def _compare(
    model: Any, tensor: int, expected: Sequence[Array], found: Sequence[Array]
) -> tuple[float, float]:
    """The normalised error, and the fraction of the float values beyond the range."""
    how = quantization(model, tensor)
    wrong = power = beyond = count = 0.0
    for wanted, got in zip(expected, found, strict=True):
        real = got if how is None else how.real(got)
        wrong += float(np.square(real.astype(np.float64) - wanted).sum())
        power += float(np.square(wanted.astype(np.float64)).sum())
        count += wanted.size
        if how is not None:
            low, high = how.range
            # Within half a step a value is only rounded.
            half = how.scale / 2
            beyond += float(((wanted < low - half) | (wanted > high + half)).sum())
    return (wrong / power) ** 0.5 if power else 0.0, beyond / max(count, 1.0)
