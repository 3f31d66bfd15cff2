"""Recipe + source + calibration -> .tflite bytes, and proof that they are what was asked for."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from convert import conversion_checks, converter_process
from convert.calibration import Calibration
from convert.console import Console
from convert.converter_process import ConverterDied
from convert.errors import BuildError, RecipeFailed, first_line
from convert.recipes import RECIPES, Recipe
from convert.sources import frozen_graph
from convert.sources.source import Source

_LOOPS: Final = frozenset(("While", "StatelessWhile", "LoopCond"))


def convert(
    source: Source,
    recipe: Recipe,
    calibration: Calibration | None,
    console: Console,
    *,
    allow_select_tf: frozenset[str] = frozenset(),
    per_tensor_dense: bool = False,
    folder: Path | None = None,
) -> bytes:
    """The bare .tflite for one image at a time.

    `allow_select_tf` names TensorFlow operators that may stay in it, as Erf or FlexErf, for a
    device whose runtime was built with them. `per_tensor_dense` gives all weights of a dense
    layer one scale, which older runtimes need in `dynamic`. `folder` is where temporary files go,
    by default the system's place for them. Raises RecipeFailed where the converter fails or
    crashes, or what came out is not what the recipe says, and BuildError where no recipe can do.
    """
    function = source.single_image_function()
    # Resolved, since the converter's process has another current directory.
    parent = None if folder is None else folder.resolve()
    with tempfile.TemporaryDirectory(prefix="converting-", dir=parent) as place:
        try:
            frozen_graph.save(function, source.trackable, Path(place) / "saved_model")
            request = _request(recipe, calibration, Path(place)) | {
                "select_tf": bool(allow_select_tf),
                "per_tensor_dense": per_tensor_dense,
            }
        except Exception as error:  # TensorFlow has its own for a full disk
            raise BuildError(
                f"{source.path} can't be written to {place} for TensorFlow's converter "
                f"({first_line(error)})."
            ) from error
        count = len(calibration.pictures) if calibration and recipe.needs_calibration else 0
        try:
            answer = converter_process.ask(
                request, count=count, console=console, title="calibrating"
            )
        except ConverterDied as death:
            raise _death(source, recipe, calibration, request, death, console) from death
        if "error" in answer:
            raise _failure(source, recipe, answer["error"], allow_select_tf)
        model = Path(request["model"]).read_bytes()
    try:
        conversion_checks.check(model, recipe, allow_select_tf)
    except BuildError as error:
        # Without advice where the error has its reason apart: what passes is found by trying.
        raise RecipeFailed(getattr(error, "reason", str(error))) from error
    return model


def _request(recipe: Recipe, calibration: Calibration | None, place: Path) -> dict[str, Any]:
    """What converter_child is asked, with its files in `place`."""
    request: dict[str, Any] = {
        "action": "convert",
        "saved_model": str(place / "saved_model"),
        "model": str(place / "converted.tflite"),
        "recipe": dataclasses.asdict(recipe),
        "pictures": None,
        "preprocessing": None,
    }
    if recipe.needs_calibration:
        assert calibration is not None
        np.save(place / "pictures.npy", np.stack(calibration.pictures))
        request["pictures"] = str(place / "pictures.npy")
        request["preprocessing"] = calibration.spec.to_json()
    return request


def _death(
    source: Source,
    recipe: Recipe,
    calibration: Calibration | None,
    request: dict[str, Any],
    death: ConverterDied,
    console: Console,
) -> BuildError:
    """Why the converter is gone: what it took, or a crash, and what in the model is the cause."""
    said = f"TensorFlow's converter {death.how}, while it converted {source.path} to {recipe.name}"
    if not death.crashed:
        return BuildError(f"{said}.")
    loops = frozen_graph.nodes(source.single_image_function(), _LOOPS)
    if loops:
        return RecipeFailed(
            f"{said}. The model has a loop ({loops[0]}), as map_fn, while_loop, LSTM and GRU make "
            "one, and the converter can't calibrate what is in it."
        )
    if calibration is None or request["pictures"] is None:
        return RecipeFailed(f"{said}.")
    request |= {"action": "find_infinite", "recipe": dataclasses.asdict(RECIPES["float32"])}
    try:
        answer = converter_process.ask(
            request,
            count=len(calibration.pictures),
            console=console,
            title="looking for infinite numbers",
        )
    except ConverterDied:
        return RecipeFailed(f"{said}.")
    found = answer.get("infinite")
    if not found:
        return RecipeFailed(f"{said}.")
    photo = calibration.photos[found["picture"]].path if calibration.photos else "a photo"
    return RecipeFailed(
        f"{said}. Inside the model, {found['tensor']} is infinite or no number (NaN) for {photo}, "
        "which no integer can stand for: keep it finite, as tf.maximum(tf.math.log(x), -10.0) does "
        "for a logarithm."
    )


def _failure(
    source: Source, recipe: Recipe, error: dict[str, Any], allowed: frozenset[str]
) -> BuildError:
    """What the converter did not like, with the operators' names where it gives them."""
    without_form = error["operators"].get("ERROR_NEEDS_CUSTOM_OPS")
    if without_form:
        return BuildError(
            f"TensorFlow could not convert {source.path}: its operators {', '.join(without_form)} "
            "have no form in a .tflite at all; replace those layers."
        )
    try:
        conversion_checks.check_select_tf(
            error["operators"].get("ERROR_NEEDS_FLEX_OPS", ()), allowed
        )
    except BuildError as refusal:
        return refusal
    reason = first_line(Exception(error["text"] or error["type"]))
    return RecipeFailed(f"TensorFlow could not convert {source.path} to {recipe.name}: {reason}.")
