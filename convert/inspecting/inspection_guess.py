"""A guess at the preprocessing that a model expects, with the evidence for it.

It is a guess: nothing in a model says for sure what was done to the pixels in training. `doctor`
measures it on labelled photos.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from convert.inspecting.inspection_tracing import Affine, Trace

ADVICE: Final = "a guess: run `python -m convert doctor` to measure"

# Parts of names, whose they are, and what that network's preprocess_input does; longer ones first.
# Those with "raw" begin with a layer that normalizes.
_FAMILIES: Final = (
    ("densedense1", "Teachable Machine", "tf"),
    ("mobilenetv3", "MobileNetV3", "raw"),
    # Its Lite form takes (x - 127) / 128 and has no such layer.
    ("efficientnetlite", "EfficientNet-Lite", "tf"),
    ("efficientnet", "EfficientNet", "raw"),
    ("convnext", "ConvNeXt", "raw"),
    ("regnet", "RegNet", "raw"),
    ("inceptionresnet", "InceptionResNet", "tf"),
    ("mobilenet", "MobileNet", "tf"),
    ("bnconv1", "MobileNet", "tf"),
    ("inception", "Inception", "tf"),
    ("xception", "Xception", "tf"),
    ("nasnet", "NASNet", "tf"),
    ("densenet", "DenseNet", "torch"),
    ("resnetrs", "ResNet-RS", "raw"),
    ("resnext", "ResNeXt", "torch"),
    # As TensorFlow's slim models call it, and as Keras does.
    ("resnetv2", "ResNetV2", "tf"),
    ("resnet50v2", "ResNetV2", "tf"),
    ("resnet101v2", "ResNetV2", "tf"),
    ("resnet152v2", "ResNetV2", "tf"),
    ("resnet", "ResNet", "caffe"),
    ("vgg16", "VGG", "caffe"),
    ("vgg19", "VGG", "caffe"),
)
# Whose name has another's in it, and whose preprocessing is not one thing.
_OTHERS: Final = ("mnasnet",)
_RANGES: Final = ((-1.0, 1.0, "tf"), (0.0, 1.0, "unit"), (0.0, 255.0, "raw"))


@dataclass(frozen=True)
class Guess:
    """`preset` is a name for --preprocessing, None where nothing tells. `strong` where the
    evidence is the model's own arithmetic and not a name."""

    preset: str | None
    strong: bool
    evidence: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "preset": self.preset,
            "options": f"--preprocessing {self.preset}" if self.preset else None,
            "strength": "none" if not self.preset else "strong" if self.strong else "weak",
            "evidence": list(self.evidence),
            "advice": ADVICE,
        }


def guess(dtype: str, trace: Trace, names: Iterable[str]) -> Guess:
    """Judge an input of `dtype` from what is done to it first and from the names in the model."""
    evidence = []
    preset = None
    if dtype == "uint8":
        preset = "raw"
        evidence.append("the input is uint8, which only pixels as they are (0..255) fit")
    if not trace.affine.is_identity:
        inside = _inside(trace.affine)
        preset = preset or inside
        meant = {"raw": "pixels 0..255", "unit": "pixels 0..1"}.get(inside or "", "no usual range")
        evidence.append(
            f"the model itself begins with {arithmetic(trace.affine)}, which suits {meant}"
        )
    if trace.fake_range is not None:
        low, high = trace.fake_range
        preset = preset or _by_range(low, high)
        evidence.append(f"its input is quantized to {low:.4g}..{high:.4g} in training")
    if trace.reverses:
        evidence.append("it reverses the channels itself: give it RGB")
    if trace.resizes:
        evidence.append("it resizes pictures itself")
    if preset is not None:
        return Guess(preset, True, tuple(evidence))
    found = _family(names)
    if found is None:
        evidence.append("nothing in it tells: no constants at its input, no name that is known")
        return Guess(None, False, tuple(evidence))
    name, family, preset = found
    evidence.append(
        f"the name '{name}' sounds like {family}, which usually takes '{preset}'; nothing else "
        "in it tells"
    )
    return Guess(preset, False, tuple(evidence))


def guess_by_range(real_range: tuple[float, float] | None) -> Guess:
    """Judge a quantized input by the numbers that it can say."""
    if real_range is None:
        return Guess(None, False, ("nothing in it tells: the input is not quantized",))
    low, high = real_range
    preset = _by_range(low, high)
    evidence = f"its input is quantized to {low:.4g}..{high:.4g}"
    if preset is None:
        return Guess(None, False, (f"{evidence}, which is no usual range",))
    return Guess(preset, True, (evidence,))


def arithmetic(affine: Affine) -> str:
    """x * scale + offset as people write it: (x - 127.5) / 127.5."""
    mean = tuple(-o / s if s else 0.0 for s, o in _pairs(affine))
    std = tuple(1 / s if s else 0.0 for s, _ in _pairs(affine))
    less = _numbers(mean)
    inner = "x" if less == "0" else f"x + {less[1:]}" if less.startswith("-") else f"x - {less}"
    if _numbers(std) == "1":
        return inner
    whole = inner if inner == "x" else f"({inner})"
    # A factor of 2 reads better than a divisor of 0.5.
    if all(abs(s) >= 1 for s in affine.scale):
        return f"{whole} * {_numbers(affine.scale)}"
    return f"{whole} / {_numbers(std)}"


def _pairs(affine: Affine) -> list[tuple[float, float]]:
    count = max(len(affine.scale), len(affine.offset))
    scale, offset = (v * (count // len(v)) for v in (affine.scale, affine.offset))
    return list(zip(scale, offset, strict=True))


def _numbers(values: tuple[float, ...]) -> str:
    texts = [f"{value + 0.0:.5g}" for value in values]
    texts = ["0" if text == "-0" else text for text in texts]
    return texts[0] if len(set(texts)) == 1 else f"[{', '.join(texts)}]"


def _inside(affine: Affine) -> str | None:
    """Which pixels suit a model that begins so: what comes out should span about 1 to 8."""
    spans = [abs(s) for s, _ in _pairs(affine)]
    offsets = [o for _, o in _pairs(affine)]
    if all(0.5 <= 255 * s <= 10 for s in spans):
        return "raw"
    # Less a mean of pixels and not divided, as for caffe.
    if set(spans) == {1.0} and all(-140 <= o <= -80 for o in offsets):
        return "raw"
    if all(1 <= s <= 10 for s in spans) and all(abs(o) < 10 for o in offsets):
        return "unit"
    return None


def _by_range(low: float, high: float) -> str | None:
    for wanted_low, wanted_high, preset in _RANGES:
        slack = 0.05 * (wanted_high - wanted_low)
        if abs(low - wanted_low) <= slack and abs(high - wanted_high) <= slack:
            return preset
    return None


def _family(names: Iterable[str]) -> tuple[str, str, str] | None:
    """The name that tells most, the network that it sounds like, and that one's preset."""
    # Names are paths of scopes: the network's is one of the parts.
    parts = {part: _plain(part) for part in (p for name in names for p in name.split("/"))}
    for needle, family, preset in _FAMILIES:
        for part, plain in parts.items():
            if needle in plain and not any(other in plain for other in _OTHERS):
                return part, family, preset
    return None


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
