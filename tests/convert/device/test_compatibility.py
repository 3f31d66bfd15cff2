"""The table of operators and runtimes, against what the runtimes themselves have."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.console import Console
from convert.device import compatibility, target_environment, targets
from convert.device.operator_versions import RUNTIMES
from convert.file import tflite_schema
from convert.file.tflite_schema import Operator, schema

# Which of many files a runtime loads; a file says which operators it wants before it is read on.
LOADS = """
import json, sys
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter
refused = {}
for name, model in json.load(sys.stdin).items():
    try:
        Interpreter(model_content=bytes.fromhex(model))
    except (RuntimeError, ValueError) as error:
        refused[name] = str(error)
print(json.dumps(refused))
"""


def number(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.fixture(scope="module")
def refused_by(bundled_model: Path) -> Callable[[str, list[Operator]], set[Operator]]:
    """Which operators the runtime of a target lacks: each is asked for by a file of its own."""
    codes = vars(schema.BuiltinOperator)
    model = tflite_schema.unpack(bundled_model.read_bytes())
    model.buffers = [schema.BufferT() for _ in model.buffers]  # loading is not running
    own = model.operatorCodes

    def asking_for(operators: list[Operator]) -> str:
        model.operatorCodes = list(own)
        for operator in operators:
            code: Any = schema.OperatorCodeT()
            code.builtinCode = codes[operator.name]
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = operator.version
            model.operatorCodes.append(code)
        return tflite_schema.pack(model).hex()

    def ask(target: str, operators: list[Operator]) -> set[Operator]:
        python = target_environment.python_for(targets.get(target), Console())
        files = {f"{o.name} {o.version}": asking_for([o]) for o in operators}
        done = subprocess.run(
            [python, "-c", LOADS],
            input=json.dumps(files),
            capture_output=True,
            text=True,
            check=True,
        )
        refused = json.loads(done.stdout.splitlines()[-1])
        assert all(re.search("Didn't find op|out of range", said) for said in refused.values())
        return {o for o in operators if f"{o.name} {o.version}" in refused}

    return ask


ALL = [
    Operator(name, version)
    for name, runtimes in RUNTIMES.items()
    for version, runtime in enumerate(runtimes, start=1)
    if runtime != "-"
]


def test_the_table_knows_what_tflite_runtime_has(
    refused_by: Callable[[str, list[Operator]], set[Operator]],
) -> None:
    """Every operator in every version, asked of the real runtime."""
    expected = {missing.operator for missing in compatibility.unsupported(ALL, "2.14.0")}
    assert refused_by("tflite-2.14", ALL) == expected
    assert len(expected) > 50


def test_litert_has_all_that_the_table_knows(
    refused_by: Callable[[str, list[Operator]], set[Operator]],
) -> None:
    """All but one, whose kernel LiteRT dropped."""
    assert refused_by("litert", ALL) <= {Operator("STABLEHLO_CBRT", 1)}
    assert compatibility.unsupported(ALL, targets.DEFAULT.operators_of) == ()


def test_later_versions_need_later_runtimes() -> None:
    for name, runtimes in RUNTIMES.items():
        numbers = [number(runtime) for runtime in runtimes if runtime != "-"]
        assert numbers == sorted(numbers), name


def test_the_oldest_runtime_is_that_of_the_newest_operator() -> None:
    dense, softmax = Operator("FULLY_CONNECTED", 12), Operator("SOFTMAX", 1)
    assert compatibility.oldest_runtime([softmax]) == "1.5.0"
    assert compatibility.oldest_runtime([dense, softmax]) == "2.17.0"
    assert compatibility.oldest_runtime([Operator("TRANSPOSE", 7)]) == "2.14.4"


@pytest.mark.parametrize(
    "operator", [Operator("FlexErf", 1), Operator("Mine", 1), Operator("SOFTMAX", 99)]
)
def test_what_no_runtime_is_known_to_have_has_no_oldest(operator: Operator) -> None:
    assert compatibility.oldest_runtime([Operator("SOFTMAX", 1), operator]) is None


def test_what_a_runtime_lacks_is_said_with_what_it_needs() -> None:
    operators = [
        Operator("CONV_2D", 3),
        Operator("FULLY_CONNECTED", 12),
        Operator("FlexErf", 1),
        Operator("SOFTMAX", 99),
    ]
    said = [missing.sentence for missing in compatibility.unsupported(operators, "2.14.0")]
    assert said == [
        "FULLY_CONNECTED version 12 needs runtime 2.17.0 or newer",
        "FlexErf is TensorFlow's own operator Erf, which needs a runtime built with TensorFlow's "
        "operators (the Flex delegate)",
        "SOFTMAX version 99 needs a runtime newer than 2.23.0",
    ]


def test_versions_are_compared_as_numbers() -> None:
    dense = [Operator("FULLY_CONNECTED", 10)]  # since 2.11
    assert compatibility.unsupported(dense, "2.9.0")
    assert not compatibility.unsupported(dense, "2.11.0")
    assert not compatibility.unsupported(dense, "2.11.0rc1")
