from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from edge_server import cli
from edge_server.inference import bundle
from edge_server.inference.runtime import runtime_info


@pytest.fixture
def selftest(capsys):
    """Runs the command; gives its exit status, its output and what it complained of."""

    def run(*arguments):
        status = cli.main(["selftest", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def strange(altered):
    """The bundled model, its second sample said to be another digit."""
    document = json.loads(bundle.read(altered()).file.attached["edge.json"])
    best = document["golden"]["samples"][1]["candidate"][0]
    best["index"] = (best["index"] + 1) % 10
    return altered({"edge.json": json.dumps(document).encode()})


def test_a_good_file_is_a_table_and_a_verdict(selftest, bundled_model):
    status, out, _ = selftest(bundled_model)
    assert status == 0
    heading, *rows, empty, last = out.splitlines()
    manifest = bundle.read(bundled_model).manifest
    assert [row.split()[0] for row in rows] == [sample.file for sample in manifest.golden]
    assert empty == ""
    info = runtime_info()
    assert re.fullmatch(
        rf"digits: all {len(rows)} samples reproduced on {info.name} {info.version}, "
        r"median invoke \d+\.\d\d ms \(\d+ threads?\)",
        last,
    )
    # Columns stand under their headings.
    for name in ("expected", "got", "difference", "allowed", "original"):
        column = heading.index(name)
        assert all(row[column - 1] == " " and row[column] != " " for row in rows)


def test_a_sample_that_is_not_reproduced_is_marked_and_status_1(selftest, strange):
    status, out, _ = selftest(strange)
    assert status == 1
    _, *rows, _, last = out.splitlines()
    assert [row.endswith("not reproduced") for row in rows] == [False, True, False, False]
    assert "1 of 4 samples not reproduced" in last


def test_json_says_the_same_for_machines(selftest, strange):
    status, out, _ = selftest(strange, "--json")
    assert status == 1
    report = json.loads(out)
    assert report["model"] == "digits"
    assert report["reproduced"] is False
    assert (report["runtime"], report["runtime_version"]) == (
        runtime_info().name,
        runtime_info().version,
    )
    assert report["invoke_ms_median"] > 0
    wrong = report["samples"][1]
    assert wrong["file"] == "golden/1.png"
    assert wrong["reproduced"] is False
    assert wrong["expected"]["index"] != wrong["got"]["index"] == wrong["original"]["index"]
    assert wrong["difference"] > wrong["allowed"] == 0.05
    assert report["samples"][0]["reproduced"] is True


def test_a_long_label_is_cut_and_the_columns_hold(selftest, altered):
    labels = "\n".join(f"{'x' * 40}{n}" for n in range(10)).encode()
    _, out, _ = selftest(altered({"labels.txt": labels}))
    heading, row, *_ = out.splitlines()
    assert f"{'x' * 23}…" in row
    assert row[heading.index("difference") :].startswith("0.0")


def test_a_file_without_samples_proves_nothing_and_says_so(selftest, colour_file):
    status, out, err = selftest(colour_file())
    assert (status, out) == (1, "")
    assert "carries no golden samples" in err


def test_a_file_that_is_missing_is_one_sentence_and_status_2(selftest, tmp_path):
    status, out, err = selftest(tmp_path / "none.tflite")
    assert (status, out) == (2, "")
    assert "none.tflite can't be read" in err


def test_a_command_that_is_none_is_named_with_those_that_are(capsys):
    assert cli.main(["selftset", "m.tflite"]) == 2
    assert "no command 'selftset': the nearest is selftest" in capsys.readouterr().err


def test_it_is_a_command_of_the_server_s_own_program(root, bundled_model):
    done = subprocess.run(
        [sys.executable, "-m", "edge_server", "selftest", str(bundled_model)],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0
    assert "samples reproduced" in done.stdout.splitlines()[-1]


def test_the_help_of_the_server_names_it(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "`selftest FILE`" in capsys.readouterr().out
