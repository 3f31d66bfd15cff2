from __future__ import annotations

from convert import speed
from convert.errors import BuildError
from convert.speed import Times
from edge_server.inference.partitions import Partitions


def test_a_slower_integer_file_is_warned_of_with_its_share_inside_xnnpack() -> None:
    check = speed.check("int8", Times(2.8, 0.8), Partitions(110, 90, 20), "ai-edge-litert 2.3.0")
    assert check.status == "warned"
    assert "int8 takes 2.80 ms a picture here" in check.sentence
    assert "in float32 0.80 ms; 90 of 110 operators run inside XNNPACK, in 20 parts" in (
        check.sentence
    )
    assert "--recipe auto measures them" in check.sentence
    assert check.figures["xnnpack"] == {"operators": 110, "inside": 90, "parts": 20}


def test_a_file_as_fast_but_for_noise_passes() -> None:
    check = speed.check("int8", Times(1.05, 1.0), Partitions(10, 10, 1), "runtime 1")
    assert check.status == "passed"
    assert "10 of 10 operators run inside XNNPACK, in 1 part." in check.sentence


def test_some_microseconds_of_a_tiny_model_are_no_warning() -> None:
    check = speed.check("int8", Times(0.02, 0.01), Partitions(10, 8, 2), "runtime 1")
    assert check.status == "passed"


def test_nothing_is_concluded_where_the_runtime_has_no_kernels_for_this_processor() -> None:
    check = speed.check("int8", Times(100.0, 4.0), Partitions(66, 0, 0), "tflite-runtime 2.14.0")
    assert check.status == "passed"
    assert "none of its 66 operators runs inside XNNPACK, so the times tell nothing" in (
        check.sentence
    )


def test_a_twin_that_the_runtime_refuses_leaves_the_times_unknown() -> None:
    def refused() -> list[float]:
        raise BuildError("The device's code refuses the converted model.")

    assert speed.measured(refused) is None
    assert speed.measured(lambda: [1.0, 2.0]) == Times(1.0, 2.0)


def test_a_share_that_the_runtime_does_not_tell_is_said_to_be_unknown() -> None:
    check = speed.check("int16x8", Times(9.0, 1.0), None, "runtime 1")
    assert check.status == "warned"
    assert "how many operators run inside XNNPACK is not known" in check.sentence
