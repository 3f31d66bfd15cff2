"""What the steps of better int8 are worth: agreement and top-1 over random splits.

    python tests/bench/better_int8.py SAVED_MODEL --calibration PHOTOS.csv \
        --validation PHOTOS.csv --preprocessing tf [--splits 4] [--photos 100]

Split 0 calibrates with the calibration photos and compares on the validation photos. The others
draw `--photos` of all of them to calibrate with and compare on the rest, so that no figure hangs
on one lucky draw. All files are labelled CSVs (file,label_index). Each split converts anew.
Prints, for the converter's own int8 model, after weight rounding, after bias correction too, and
after channel splitting too: agreement with the original's best class, and top-1 less the
original's, in points; the seconds that the steps took together, and the peak memory of this
process, TensorFlow's included.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from convert import better_int8, metrics, model_inputs, photos, quantize, recipes
from convert.calibration import Calibration
from convert.console import Console
from convert.file import tflite_schema
from convert.interpreter import run_each
from convert.photos import Unreadable
from convert.sources import source
from edge_server.inference import preprocessing
from edge_server.inference.normalization import PRESETS

STAGES = ("converter", "rounded", "corrected", "split")


def main() -> None:
    options = parse()
    console = Console()
    with console.quiet():
        model = source.load(options.saved_model, None)
        how = preprocessing.from_preset(
            options.preprocessing, width=model.width, height=model.height, channels=model.channels
        )
        pools = [
            photos.read(p, (), model.classes) for p in (options.calibration, options.validation)
        ]
        chosen = [photo for pool in pools for photo in pool.photos]
        unreadable = Unreadable(options.validation, len(chosen))
        decoded = [
            (p.label, preprocessing.resize(x, how)) for p, x in photos.decoded(chosen, unreadable)
        ]
        labels = np.array([label for label, _ in decoded])
        pictures = [picture for _, picture in decoded]
        exact = quantize.convert(model, recipes.get("float32"), None, console)
        raw = scores(exact, pictures, how)
    output = model.output_kind(raw)
    rows = []
    for split in range(options.splits):
        order = np.arange(len(pictures))
        if split:
            order = np.random.default_rng(split).permutation(order)
        fitted = min(options.photos, len(pools[0].photos)) if split else len(pools[0].photos)
        rest = order[fitted:]
        calibrated = Calibration(
            options.calibration, tuple(pictures[i] for i in order[:fitted]), how, unreadable
        )
        with console.quiet():
            stock = quantize.convert(model, recipes.get("int8"), calibrated, console)
            partly = [
                better_int8.improve(
                    exact, stock, calibrated, output, console, steps=better_int8.STEPS[:count]
                ).model
                for count in (1, 2)
            ]
            started = time.perf_counter()
            better = better_int8.improve(exact, stock, calibrated, output, console)
            seconds = time.perf_counter() - started
            figures = [
                compare(raw[rest], scores(m, [pictures[i] for i in rest], how), labels[rest])
                for m in (stock, *partly, better.model)
            ]
        rows.append(figures)
        kept = ", ".join(step.name for step in better.steps if step.kept) or "nothing"
        print(f"split {split}: {say(figures)}   {seconds:5.1f} s, kept {kept}", flush=True)
    print(f"mean:    {say(np.mean(rows, axis=0))}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def parse() -> Any:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("saved_model", type=Path)
    parser.add_argument("--calibration", type=Path, required=True)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--preprocessing", choices=tuple(PRESETS), required=True)
    parser.add_argument("--splits", type=int, default=4)
    parser.add_argument("--photos", type=int, default=100)
    return parser.parse_args()


def scores(model: bytes, pictures: Sequence[Any], how: Any) -> Any:
    tree = tflite_schema.unpack(model)
    inputs = model_inputs.tensors(tree, pictures, how)
    return model_inputs.scores(tree, [out[0] for out in run_each(model, [[x] for x in inputs])])


def compare(before: Any, after: Any, labels: Any) -> tuple[float, float]:
    """Agreement, and what top-1 gained, in points."""
    gain = metrics.top_k_accuracy(after, labels, 1) - metrics.top_k_accuracy(before, labels, 1)
    return metrics.top1_agreement(before, after), 100 * gain


def say(figures: Any) -> str:
    return "   ".join(
        f"{stage} {agreement:.3f} ({gain:+.1f})"
        for stage, (agreement, gain) in zip(STAGES, figures, strict=True)
    )


if __name__ == "__main__":
    main()
