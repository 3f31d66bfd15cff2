"""Operators that have no form in integers are computed by others, with the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from convert.sources import operator_forms

_VALUES = np.array([-40.0, -2.5, -1e-3, 0.0, 0.5, 3.0, 60.0], np.float32)


def _graph(compute: Callable[[Any], Any]) -> tuple[Any, str]:
    """The GraphDef of a function of x, and the name of what it returns."""
    function = tf.function(compute).get_concrete_function(
        tf.TensorSpec(_VALUES.shape, tf.float32, name="x")
    )
    return function.graph.as_graph_def(), function.outputs[0].op.inputs[0].name


def _run(graph: Any, result: str) -> Any:
    function = tf.compat.v1.wrap_function(
        lambda x: tf.graph_util.import_graph_def(graph, {"x:0": x}, [result], name="")[0],
        [tf.TensorSpec(_VALUES.shape, tf.float32)],
    )
    return function(tf.constant(_VALUES)).numpy()


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: tf.negative(x, name="it"),
        lambda x: tf.square(x, name="it"),
        lambda x: tf.math.squared_difference(x, 0.25, name="it"),
        lambda x: tf.nn.elu(x, name="it"),
        lambda x: tf.raw_ops.AddN(inputs=[x, x + 1, x * x], name="it"),
        lambda x: tf.raw_ops.AddN(inputs=[x], name="it"),
    ],
    ids=["Neg", "Square", "SquaredDifference", "Elu", "AddN", "AddN of one"],
)
def test_the_answers_stay_and_the_operator_is_gone(compute: Callable[[Any], Any]) -> None:
    graph, result = _graph(compute)
    (before,) = (node.op for node in graph.node if node.name == "it")
    # As the converter calls what it makes of one operator and its neighbours.
    other = operator_forms.written_otherwise(graph, {"model/relu;it1"})
    assert before not in {node.op for node in other.node}
    assert before in {node.op for node in graph.node}
    np.testing.assert_allclose(_run(other, result), _run(graph, result), rtol=1e-6, atol=1e-7)


def test_what_is_not_named_or_not_floating_point_stays() -> None:
    def compute(x: Any) -> Any:
        whole = tf.negative(tf.cast(x, tf.int32), name="whole")
        return tf.negative(x, name="kept") + tf.cast(whole, tf.float32) + tf.exp(x, name="power")

    graph, _ = _graph(compute)
    assert operator_forms.written_otherwise(graph, {"whole", "power", "nobody"}) == graph


def test_the_order_that_a_graph_insists_on_stays() -> None:
    def compute(x: Any) -> Any:
        with tf.control_dependencies([tf.exp(x, name="first")]):
            return tf.square(x, name="it")

    graph, _ = _graph(compute)
    other = operator_forms.written_otherwise(graph, {"it"})
    (it,) = (node for node in other.node if node.name == "it")
    assert list(it.input) == ["x", "x", "^first"]
