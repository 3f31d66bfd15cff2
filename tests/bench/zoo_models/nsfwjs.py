"""InceptionV3 of npm's nsfwjs, a TensorFlow.js layers model, as a Keras 2 file.

usage: python nsfwjs.py FOLDER OUT.h5

FOLDER is where the package is unpacked. Its weights are 8-bit numbers with a minimum and a scale
for each tensor, as tensorflowjs_converter quantizes them; what it computes with, and so do we, is
their float32.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import tf_keras


def required(file: Path):
    """What `require` gives for a JavaScript file of data."""
    code = f"process.stdout.write(JSON.stringify(require({json.dumps(str(file.resolve()))})))"
    return json.loads(subprocess.run(["node", "-e", code], check=True, capture_output=True).stdout)


def tensors(model, folder: Path) -> dict[str, np.ndarray]:
    """The weights by name, float32."""
    (group,) = model["weightsManifest"]
    count = len(list(folder.glob("group1-shard*")))
    names = [f"group1-shard{number}of{count}.min.js" for number in range(1, count + 1)]
    data = b"".join(base64.b64decode(required(folder / name)) for name in names)
    found, at = {}, 0
    for entry in group["weights"]:
        how = entry.get("quantization", {"dtype": entry["dtype"], "min": 0.0, "scale": 1.0})
        size = int(np.prod(entry["shape"]))
        raw = np.frombuffer(data, how["dtype"], size, at).reshape(entry["shape"])
        found[entry["name"]] = (raw * how["scale"] + how["min"]).astype(np.float32)
        at += raw.nbytes
    assert at == len(data)
    return found


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    folder = folder / "package/dist/models/inception_v3"
    described = required(folder / "model.min.js")
    topology = described["modelTopology"]["model_config"]
    model = tf_keras.models.model_from_json(json.dumps(topology))
    weights = tensors(described, folder)
    for layer in model.layers:
        # tf_keras may count the names of layers on; the file's are those of its topology.
        names = [weight.name.split(":")[0] for weight in layer.weights]
        layer.set_weights([weights.pop(name) for name in names])
    assert not weights
    model.save(target)


if __name__ == "__main__":
    main()
