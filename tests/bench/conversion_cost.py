"""What a build costs beside the bare converter: time of each, turn by turn, and memory.

    python tests/bench/conversion_cost.py SAVED_MODEL --calibration PHOTOS.csv \
        --validation PHOTOS.csv --labels FILE --preprocessing tf [--turns N]

The bare way, in a process of its own: load the SavedModel, convert it to int8 with TensorFlow's
converter on the same calibration photos, and answer every validation photo once with the original
and once with the candidate (on the device's runtime). The whole way is `python -m convert build`.
Both load TensorFlow and decode the same photos. Prints seconds, the peak memory of each process,
and the ratio of the whole to the bare way; the aim is 3 at most.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = """
import json, os, sys, time
from pathlib import Path
started = time.perf_counter()
import numpy as np, tensorflow as tf
from convert import calibration, photos
from convert.device import candidate
from convert.file import bundle_writer
from convert.console import Console
from convert.photos import Unreadable
from edge_server.inference import preprocessing
from edge_server.inference.manifest import Manifest, Output

request = json.load(sys.stdin)
console = Console()
lap = time.perf_counter()
loaded = lap - started
model = tf.saved_model.load(request["saved_model"])
function = next(iter(model.signatures.values()))
name, spec = next(iter(function.structured_input_signature[1].items()))
height, width = int(spec.shape[1]), int(spec.shape[2])
how = preprocessing.from_preset(request["preprocessing"], width=width, height=height)
pool = photos.read_unlabelled(Path(request["calibration"]))
calibrated = calibration.load(pool, how, 500, console)
single = tf.function(
    lambda image: function(**{name: image}),
    input_signature=[tf.TensorSpec((1, height, width, 3), tf.float32, name=name)],
).get_concrete_function()
converter = tf.lite.TFLiteConverter.from_concrete_functions([single], model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = calibrated.representative_dataset(console)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
converter.inference_input_type = converter.inference_output_type = tf.uint8
graph = converter.convert()
converted = time.perf_counter() - lap
lap = time.perf_counter()
tests = photos.read_unlabelled(Path(request["validation"]))
unreadable = Unreadable(tests.origin, len(tests.photos))
tensors, classes = [], 0
def answer(tensors):
    return next(iter(function(**{name: tf.constant(np.concatenate(tensors))}).values())).shape[-1]
for _, pixels in photos.decoded(tests.photos, unreadable):
    tensors.append(preprocessing.normalize(preprocessing.resize(pixels, how), how))
    if len(tensors) == 16:
        classes, tensors = answer(tensors), []
if tensors:
    classes = answer(tensors)
original = time.perf_counter() - lap
lap = time.perf_counter()
manifest = Manifest(name="bare", preprocessing=how, output=Output.PROBABILITIES, recipe="int8")
file = Path(request["folder"]) / "bare.tflite"
file.write_bytes(bundle_writer.write(graph, manifest, [str(i) for i in range(classes)], {}))
candidate.run(
    file, [photo.path for photo in tests.photos], threads=1, console=console, title="x"
)
run = time.perf_counter() - lap
print(json.dumps({"load": loaded, "convert": converted, "original": original, "candidate": run}))
"""


def run(command: list[str], text: str = "") -> tuple[float, float, str]:
    """Seconds, peak megabytes of the process alone, standard output."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as asked:
        asked.write(text)
        asked.seek(0)
        child = subprocess.Popen(command, stdin=asked, stdout=said, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        said.seek(0)
        if child.returncode not in (0, 3):  # a missed gate is no matter here
            raise SystemExit(f"{command[1:4]} ended with {child.returncode}")
        return seconds, usage.ru_maxrss * 1024 / 1e6, said.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("saved_model")
    for name in ("calibration", "validation", "labels", "preprocessing"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--turns", type=int, default=1)
    chosen = parser.parse_args()
    bare_seconds, whole_seconds = [], []
    for _ in range(chosen.turns):
        with tempfile.TemporaryDirectory() as folder:
            request = json.dumps({**vars(chosen), "folder": folder})
            seconds, memory, said = run([sys.executable, "-c", BARE], request)
            parts = json.loads(said.splitlines()[-1])
            bare_seconds.append(seconds)
            shown = ", ".join(f"{name} {part:.1f} s" for name, part in parts.items())
            print(f"bare   {seconds:6.1f} s  {memory:5.0f} MB  ({shown})", flush=True)
            output = Path(folder) / "out"
            options = [
                f"--{name}={getattr(chosen, name)}"
                for name in ("calibration", "validation", "labels", "preprocessing")
            ]
            command = [sys.executable, "-m", "convert", "build", chosen.saved_model, *options]
            seconds, memory, _ = run([*command, "--output", str(output)])
            whole_seconds.append(seconds)
            steps = json.loads((output / "report.json").read_text())["cost"]["steps"]
            slow = sorted(steps, key=lambda step: -step["seconds"])[:4]
            shown = ", ".join(f"{step['step']} {step['seconds']:.1f} s" for step in slow)
            print(f"build  {seconds:6.1f} s  {memory:5.0f} MB  ({shown})", flush=True)
    bare, whole = statistics.median(bare_seconds), statistics.median(whole_seconds)
    print(f"ratio  {whole / bare:.2f}  (median of {chosen.turns}; the aim is 3 at most)")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    print(f"largest process {peak:.0f} MB")


if __name__ == "__main__":
    main()
