"""A comparison as text for a person: verdict, figures, and the photos that are answered anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from convert import speed
from convert.inspecting.inspection_layout import Page
from edge_server.inference.labels import listed

if TYPE_CHECKING:
    from convert.comparison import Answer, Comparison

_SHOWN: Final = 10


def render(result: Comparison) -> str:
    """Lines of at most 100 columns, without a newline at the end."""
    page, judged = Page(), result.judged
    low, high = judged.interval
    page.line(
        f"{judged.verdict}: the same answer as the original on {judged.agreement:.1%} of "
        f"{judged.samples} photos (95 % interval {low:.1%} to {high:.1%})"
    )
    for failure in judged.failures:
        page.note(f"failed: {failure}")
    if result.warning:
        page.note(f"warning: {result.warning}")
    page.section("Accuracy")
    _accuracy(page, result)
    page.section("Compared")
    _what(page, result)
    _disagreements(page, result)
    return str(page)


def _accuracy(page: Page, result: Comparison) -> None:
    before, after = result.judged.original, result.judged.candidate
    if before.top1 is None or after.top1 is None or before.top5 is None or after.top5 is None:
        page.note("not known: the photos have no labels")
        return
    rows = [["", "original", "file", "points"]]
    for name, one, other in (
        ("top-1", before.top1, after.top1),
        ("top-5", before.top5, after.top5),
    ):
        points = f"{100 * (other - one):+.1f}"
        rows.append([name, f"{one:.1%}", f"{other:.1%}", points])
    page.table(rows, right=(1, 2, 3), head=True)


def _what(page: Page, result: Comparison) -> None:
    file, run = result.pair.candidate, result.run
    manifest, spec = file.bundle.manifest, file.spec
    recipe = f"{manifest.recipe}, " if manifest else ""
    page.field("file", f"{file.path} ({recipe}{len(file.bundle.file.data):,} bytes)")
    # A Keras file has no signatures, only its call.
    signature = "" if result.signature == "__call__" else f" (signature {result.signature})"
    page.field("original", f"{result.pair.original}{signature}")
    if result.same_source is None:
        page.field("", "The file does not say which model it was converted from.")
    elif result.same_source:
        page.field("", "The file was converted from it: the fingerprint is the same.")
    else:
        page.field(
            "warning",
            "The file was converted from another model, or from an earlier state of this one: it "
            f"names the fingerprint {file.fingerprint}, and this model's is {result.fingerprint}.",
        )
    means, stds = (", ".join(f"{v:g}" for v in values) for values in (spec.mean, spec.std))
    page.field(
        "preprocessing",
        f"{spec.width}x{spec.height} {spec.color_order.value}, {spec.fit.value}, "
        f"{spec.filter.value}, (pixel - {means}) / {stds}; from the {_ORIGINS[file.origin]}",
    )
    page.field("labels", listed(result.labels))
    page.field("runtime", f"{run.runtime} {run.runtime_version}, in a process without TensorFlow")
    if run.invoke_ms_median is not None:
        page.field(
            "invoke", f"{run.invoke_ms_median:.2f} ms (median, {result.threads} threads, here)"
        )
    page.field("", speed.share(run.xnnpack))
    if run.golden_samples:
        page.field("golden", f"{run.golden_samples} samples reproduced")
    if result.unreadable.reasons:
        page.field("photos", result.unreadable.sentence())


_ORIGINS: Final = {
    "edge.json": "file's edge.json",
    "TFLite Metadata": "file's TFLite Metadata, fit and filter from the options",
    "options": "options",
}


def _disagreements(page: Page, result: Comparison) -> None:
    found = result.disagreements
    if not found:
        return
    shown = "" if len(found) <= _SHOWN else f", the first {_SHOWN}"
    page.section(
        f"Photos that they answer differently ({len(found)} of {result.judged.samples}{shown})"
    )
    labelled = any(d.truth is not None for d in found)
    rows = [["photo", *(["is"] if labelled else []), "original", "file"]]
    for d in found[:_SHOWN]:
        truth = [_short(d.truth or "")] if labelled else []
        rows.append([d.photo.name, *truth, _answer(d.original), _answer(d.candidate)])
    page.table(rows, head=True)


def _answer(answer: Answer) -> str:
    return f"{_short(answer.label)} {answer.score:.2f}"


def _short(label: str) -> str:
    """The first of a label's synonyms."""
    return label.split(",", maxsplit=1)[0]
