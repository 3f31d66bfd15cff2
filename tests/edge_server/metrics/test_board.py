"""What a board says of itself, from trees of files like those of real boards."""

from __future__ import annotations

import threading

import pytest

from edge_server import board
from edge_server.board import Board, Clock, Cooling
from edge_server.metrics.board import BoardPart, TooSlow


def test_a_raspberry_pi_4_that_is_hot_and_short_of_voltage(board_tree):
    got = board.read(board_tree("pi4"))
    assert got == Board(
        model="Raspberry Pi 4 Model B Rev 1.5",
        temperatures={"cpu-thermal": 61.835},
        throttled={
            # The alarm saw it, the bit of the moment did not.
            ("under_voltage", "now"): True,
            ("under_voltage", "earlier"): True,
            ("frequency_capped", "now"): False,
            ("frequency_capped", "earlier"): False,
            ("throttled", "now"): True,
            ("throttled", "earlier"): True,
            ("soft_temperature_limit", "now"): False,
            ("soft_temperature_limit", "earlier"): False,
        },
        cooling={"cpufreq-cpu0": Cooling(2, 9)},
        clocks={"0": Clock(1.5e9, 1.8e9)},
        memory=(3884344 * 1024, 2884344 * 1024),
        load=(0.52, 0.41, 0.33),
        uptime=86400.25,
    )


def test_a_raspberry_pi_5_that_is_well(board_tree):
    got = board.read(board_tree("pi5"))
    assert got.model == "Raspberry Pi 5 Model B Rev 1.0"
    assert len(got.throttled) == 8
    assert not any(got.throttled.values())
    assert got.cooling == {"pwm-fan": Cooling(1, 4)}


def test_without_the_firmwares_file_the_alarm_alone_tells(board_tree):
    root = board_tree("pi4")
    (root / "sys/devices/platform/soc/soc:firmware/get_throttled").unlink()
    assert board.read(root).throttled == {("under_voltage", "now"): True}


def test_a_jetsons_zones_have_names_and_those_that_are_off_are_absent(board_tree):
    got = board.read(board_tree("orin"))
    assert got.temperatures == {
        "cpu-thermal": 52.437,
        "tj-thermal": 53.125,
        "cpu-thermal-11": 50.0,  # a name that was there already
    }
    assert got.power_events == {
        "under_voltage": 0,
        "average_overcurrent": 15,
        "instantaneous_overcurrent": 37,
    }
    assert got.clocks == {"0": Clock(729.6e6, 1510.4e6), "4": Clock(1510.4e6, None)}
    assert got.throttled == {}


def test_a_container_has_memory_and_load_alone(board_tree):
    got = board.read(board_tree("container"))
    assert got == Board(
        memory=(3884344 * 1024, 2884344 * 1024), load=(0.52, 0.41, 0.33), uptime=86400.25
    )


def test_where_there_is_nothing_nothing_is_said(tmp_path):
    assert board.read(tmp_path) == Board()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("proc/meminfo", "MemTotal: none kB\n"),
        ("proc/loadavg", "0.5\n"),
        ("proc/uptime", "\n"),
        ("sys/class/thermal/thermal_zone0/temp", "hot\n"),
        ("sys/class/thermal/thermal_zone0/type", "\n"),
        ("sys/class/thermal/cooling_device0/max_state", "?\n"),
        ("sys/devices/platform/soc/soc:firmware/get_throttled", "0x\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "<unknown>\n"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_the_rest_told(board_tree, file, content):
    root = board_tree("pi4")
    whole = board.read(root)
    (root / file).write_text(content)
    got = board.read(root)
    differing = {name for name in vars(whole) if vars(whole)[name] != vars(got)[name]}
    assert len(differing) == 1
    lost = vars(got)[differing.pop()]
    assert not lost or lost == {("under_voltage", "now"): True}


def test_this_machine_can_be_read():
    got = board.read()
    assert got.uptime is not None
    assert got.memory is not None
    assert 0 < got.memory[1] <= got.memory[0]


def test_a_sensor_that_hangs_is_not_waited_for_and_not_asked_again():
    release, begun = threading.Event(), []

    def read():
        begun.append(1)
        release.wait(30)
        return Board(uptime=5.0)

    part = BoardPart(read, patience=0.05)
    for _ in range(3):
        with pytest.raises(TooSlow, match=r"0\.05 s"):
            part.collect()
    assert len(begun) == 1
    release.set()
    # Its late answer is no longer of now, but the next is read as usual.
    part._reading.done.wait(10)
    assert [f.name for f in part.collect() if f.samples] == ["edge_board_uptime_seconds"]
    assert len(begun) == 2
