from __future__ import annotations

from edge_server.inference import bundle, partitions
from edge_server.inference.classifier import Classifier
from edge_server.inference.partitions import Partitions
from edge_server.inference.runtime import runtime_info


def operator(name, inputs, outputs):
    return {"op_name": name, "inputs": inputs, "outputs": outputs}


def test_what_computes_a_parts_output_from_its_inputs_is_inside():
    own = [
        operator("CONV_2D", [0, 10, 11], [1]),
        operator("ADD", [1, 0], [2]),
        operator("HARD_SWISH", [2], [3]),
        operator("MUL", [3, 2], [4]),
        operator("SOFTMAX", [4], [5]),
    ]
    first = operator("DELEGATE", [0, 10, 11], [2])
    last = operator("DELEGATE", [3, 2], [5])
    assert partitions.count([*own, first, last]) == Partitions(operators=5, inside=4, parts=2)


def test_a_part_with_several_outputs_counts_each_operator_once():
    own = [
        operator("CONV_2D", [0, -1], [1]),
        operator("RELU", [1], [2]),
        operator("ABS", [1], [3]),
    ]
    part = operator("DELEGATE", [0], [1, 2, 3])
    assert partitions.count([*own, part]) == Partitions(operators=3, inside=3, parts=1)


def test_without_a_delegate_nothing_is_inside():
    assert partitions.count([operator("ADD", [0, 1], [2])]) == Partitions(1, 0, 0)


def test_the_runtime_tells_it_of_a_real_model(bundled_model):
    found = Classifier(bundle.read(bundled_model)).partitions
    operators = len(bundle.read(bundled_model).manifest.operators)
    assert found is not None
    assert found.operators >= operators
    assert found.inside <= found.operators
    # tflite-runtime 2.14 has no int8 kernels of XNNPACK on x86.
    if runtime_info().name == "ai-edge-litert":
        assert found.inside > 0
        assert 1 <= found.parts <= found.inside


def test_a_runtime_that_does_not_tell_is_no_error(bundled_model, monkeypatch):
    classifier = Classifier(bundle.read(bundled_model))
    (model,) = classifier._interpreters.models
    monkeypatch.setattr(model._interpreter, "_interpreter", object())
    assert classifier.partitions is None
