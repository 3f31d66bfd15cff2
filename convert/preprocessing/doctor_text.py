"""A diagnosis as a person reads it: a table of 100 columns and what to do."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from convert.preprocessing import label_order
from convert.preprocessing.doctor import Diagnosis, Renamed, Row
from convert.preprocessing.label_order import Order, Origin
from edge_server.inference.normalization import Normalization

# Below this, a model that works at all may well have been better where it was trained.
_LOW: Final = 0.5
_NAMED: Final = 8
_HEAD: Final = (
    "",
    "top-1",
    "interval",
    "loses",
    "photos",
    "--preprocessing",
    "--color-order",
    "--fit",
    "--filter",
)


@dataclass(frozen=True)
class Subject:
    """What was looked at. `labels` may be one line too short or too long for the model."""

    model: Path
    validation: Path
    labels_file: Path | None
    labels: tuple[str, ...]
    classes: int
    input_dtype: str

    @property
    def origin(self) -> Origin:
        return Origin(self.validation, self.labels_file, self.labels)

    def name(self, index: int) -> str:
        return f"{index} ({self.labels[index]})" if index < len(self.labels) else str(index)


def document(found: Diagnosis, subject: Subject) -> dict[str, Any]:
    """The same for machines. Fractions 0..1, losses in points."""
    renamed = found.renamed
    return {
        "model": str(subject.model),
        "validation": str(subject.validation),
        "photos": found.photos,
        "classes": subject.classes,
        "chance": round(found.chance, 5),
        "works": found.use is not None,
        "use": found.use and found.use.convention.options(),
        "label_offset": found.offset,
        "label_order": found.order and {"rule": found.order.rule, "labels": found.order.names},
        "labels_in_other_order": renamed
        and {
            "options": renamed.convention.options(),
            "model_class_of_label": {str(k): v for k, v in renamed.classes.items()},
            "top1": round(renamed.top1, 5),
            "interval": list(renamed.interval),
        },
        "verdict": list(sentences(found, subject)),
        "rows": [row.to_json() for row in found.rows],
    }


def text(found: Diagnosis, subject: Subject) -> str:
    """The table and the verdict."""
    good = [row for row in found.rows if row.standing in ("best", "as good")]
    worse = [row for row in found.rows if row not in good]
    if found.use is None:
        groups = [("No answer", [*good, *worse])]
    else:
        groups = [("As good as the best" if len(good) > 1 else "The best", good), ("Worse", worse)]
    lines: list[tuple[str, ...]] = [_HEAD]
    for title, rows in groups:
        lines += [("",), (f"{title}:",)] if rows else []
        lines += [_cells(row, "*" if row is found.use else "") for row in rows]
    shifted = f", label {found.offset:+d}" if found.offset else ""
    head = (
        f"{subject.model}: top-1 on {found.photos} photos of {subject.validation}{shifted}\n"
        f"(95 % intervals; loses: points against the best on the same photos)\n"
    )
    verdict = "\n".join(_wrapped(sentence) for sentence in sentences(found, subject))
    return f"{head}\n{_aligned(lines)}\n\n{verdict}\n"


def sentences(found: Diagnosis, subject: Subject) -> Iterator[str]:
    """The verdict: what to use or what to look at, the most important first."""
    if found.use is None:
        yield _nothing_works(found, subject)
    else:
        yield _use(found.use)
        yield from _rivals(found, found.use)
        yield from _next_best(found, found.use)
        if isinstance(found.use.convention.preset, Normalization):
            yield _own_numbers(found)
        if found.use.convention.preset == "raw":
            yield _raw(subject)
        if found.use.top1 < _LOW and found.renamed is None and not found.offset:
            yield (
                f"{found.use.top1:.0%} is low: if the model was better where it was trained, look "
                "at the labels, and at whether the photos are like those it was trained with."
            )
    if found.offset and found.use is not None:
        yield _offset(found, found.use, subject)
    elif subject.labels_file is not None and len(subject.labels) != subject.classes:
        yield (
            f"{subject.labels_file} has {len(subject.labels)} labels but the model puts out "
            f"{subject.classes} classes: build needs one for each, in the model's order."
        )
    if found.order is not None:
        yield _order(found.order, subject)
    if found.renamed is not None:
        yield _renamed(found.renamed, subject)


def _use(use: Row) -> str:
    low, high = use.interval
    return (
        f"Use {use.convention.options()}: right on {use.top1:.1%} of {use.photos} photos "
        f"(95 % interval {low:.1%} to {high:.1%})."
    )


def _rivals(found: Diagnosis, use: Row) -> Iterator[str]:
    rivals = found.rivals()
    if not rivals:
        return
    others = {row.convention.normalization for row in rivals} - {use.convention.normalization}
    count = "One other" if len(rivals) == 1 else f"{len(rivals)} others"
    yield (
        f"{count} can't be told from the best on {use.photos} photos, at most "
        f"{max(row.loses for row in rivals):.1f} points below it"
        + (": this one has the defaults of build." if use.convention.has_defaults else ".")
    )
    if others:
        yield (
            "They do not settle the normalization: try again with more photos, or harder ones, "
            "and go by what the training code did."
        )


def _next_best(found: Diagnosis, use: Row) -> Iterator[str]:
    """What the nearest worse convention loses, and the nearest with another normalization."""
    worse = [row for row in found.rows if row.standing in ("worse", "ruled out")]
    named = {worse[0].convention: worse[0]} if worse else {}
    own = {row.convention.normalization for row in found.rows if row not in worse}
    others = (row for row in worse if row.convention.normalization not in own)
    if (other := next(others, None)) is not None:
        named[other.convention] = other
    titles = ("next best", "best with another normalization or colour order")
    for title, row in zip(titles, named.values(), strict=False):
        yield (
            f"The {title}, {row.convention.options()}, loses {row.loses:.1f} points on the same "
            f"{min(row.photos, use.photos)} photos (paired test, p {row.p:.1g})."
        )


def _own_numbers(found: Diagnosis) -> str:
    best = found.rows[1]
    return (
        "No preset fits: these numbers, for (pixel - mean) / std, were estimated on one half of "
        "the photos, and the figure is of the other half, where the best preset, "
        f"{best.convention.options()}, loses {best.loses:.1f} points. If the training code says "
        "its numbers, take those instead."
    )


def _raw(subject: Subject) -> str:
    if subject.input_dtype == "float32":
        return "Raw pixels do best, so the model normalizes them itself."
    return f"The model takes whole pixels ({subject.input_dtype}), so that only raw applies."


def _nothing_works(found: Diagnosis, subject: Subject) -> str:
    best = found.rows[0]
    low, high = best.interval
    if label_order.is_useful(round(best.top1 * best.photos), best.photos, found.chance):
        return (
            f"There are too few photos to tell: the best, {best.convention.options()}, is right "
            f"on {best.top1:.1%} of {best.photos}, and always giving the commonest label on "
            f"{found.chance:.1%}. Give 50 or more labelled photos, of several classes."
        )
    return (
        f"Nothing works: the best, {best.convention.options()}, is right on {best.top1:.1%} of "
        f"{best.photos} photos (95 % interval {low:.1%} to {high:.1%}), where always giving the "
        f"commonest label is right on {found.chance:.1%}. "
        + (
            "The cause is known:"
            if found.renamed is not None
            else "The labels are probably in another order than the model's classes, or the "
            f"photos are of other classes than the {subject.classes} it knows: compare "
            f"{_source_of_labels(subject)} with the training code."
        )
    )


def _source_of_labels(subject: Subject) -> str:
    if not subject.validation.is_dir():
        return f"the label_index column of {subject.validation}"
    if subject.labels_file is not None:
        return f"the order of the labels in {subject.labels_file}"
    return f"the names of the folders in {subject.validation}"


def _offset(found: Diagnosis, use: Row, subject: Subject) -> str:
    figures = f"{use.top1:.1%} are right so, {found.unshifted:.1%} as they are"
    if found.offset > 0:
        why = "the model has a class before the first, such as 'background', that the labels lack"
        fix = (
            f"add 1 to every label_index in {subject.validation}",
            f"put a label 'background' before the first of {subject.labels_file}",
            f"add 1 to the name of every folder in {subject.validation}",
        )
    else:
        why = "the labels begin at 1, or with a 'background' class that the model lacks"
        fix = (
            f"subtract 1 from every label_index in {subject.validation}",
            f"remove the first label of {subject.labels_file}",
            f"subtract 1 from the name of every folder in {subject.validation}",
        )
    by_csv, by_line, by_folder = fix
    if not subject.validation.is_dir():
        what = by_csv
        if len(subject.labels) == subject.classes - found.offset:
            what += f", and {by_line}"
    else:
        what = by_line if subject.labels_file is not None else by_folder
    return f"The labels are off by one ({figures}): {why}. Before you build, {what}."


def _order(order: Order, subject: Subject) -> str:
    how = (
        f"in the order of their names {order.rule}: {order.listed()}. The figures above are for it"
    )
    return f"The model's classes are {how}. {subject.origin.remedy(order)}"


def _renamed(renamed: Renamed, subject: Subject) -> str:
    low, high = renamed.interval
    moved = [(label, own) for label, own in renamed.classes.items() if label != own]
    listed = ", ".join(f"{subject.name(label)} is {own}" for label, own in moved[:_NAMED])
    more = f" and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
    return (
        "The labels are in another order than the model's classes. With "
        f"{renamed.convention.options()} and other classes for the labels, found on one half of "
        f"the photos, {renamed.top1:.1%} of the other half are right (95 % interval {low:.1%} to "
        f"{high:.1%}). In the model, {listed}{more}. {subject.origin.remedy()} Then try again."
    )


def _cells(row: Row, mark: str) -> tuple[str, ...]:
    low, high = (100 * value for value in row.interval)
    how = row.convention
    return (
        mark,
        f"{row.top1:.1%}",
        f"{low:.0f}-{high:.0f}%",
        f"{row.loses:.1f}",
        str(row.photos),
        how.name,
        how.color_order.value,
        how.fit.value,
        how.filter.value,
    )


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Figures to the right, words to the left; a line of one cell is a heading."""
    full = [line for line in lines if len(line) > 1]
    widths = [max(len(line[i]) for line in full) for i in range(len(_HEAD))]
    written = []
    for line in lines:
        if len(line) == 1:
            written.append(line[0])
            continue
        cells = [
            cell.rjust(width) if 0 < i < 5 else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        written.append("  ".join(cells).rstrip())
    return "\n".join(written)


def _wrapped(sentence: str, width: int = 98) -> str:
    """The sentence in lines; options are not broken at their hyphens."""
    return textwrap.fill(sentence, width, break_on_hyphens=False, break_long_words=False)
