from __future__ import annotations

import pytest

from edge_server.configuration.sources import Source


def test_without_anything_all_are_defaults(read, example):
    reading = read()
    assert reading.settings == example()
    assert set(reading.sources.values()) == {Source.DEFAULT}
    assert reading.file is None


def test_command_line_over_environment_over_file(read):
    file = "port = 1\nwait = 2\nhost = 'file'\n"
    reading = read(["--port", "3"], {"EDGE_PORT": "2", "EDGE_WAIT": "3"}, file)
    chosen = reading.settings
    assert (chosen.port, chosen.wait, chosen.host) == (3, 3.0, "file")
    assert [reading.sources[name].value for name in ("port", "wait", "host", "pin")] == [
        "command line",
        "environment",
        "file",
        "default",
    ]


def test_a_wrong_value_that_is_overruled_does_no_harm(read):
    assert read(["--port", "3"], {"EDGE_PORT": "x"}, "port = 'y'").settings.port == 3


def test_a_wrong_name_is_said_even_where_nothing_uses_it(wrong):
    assert len(wrong(["--port", "3"], {"EDGE_PROT": "1"}, "prot = 1")) == 2


def test_everything_that_is_wrong_is_said_at_once(wrong):
    said = wrong(["--prot", "1", "--wait", "x"], {"EDGE_EVEN": "3"}, "colour = 1\nhots = 2")
    assert said == [
        "There is no option --prot: the nearest is --port; --help shows all.",
        "F: there is no setting 'hots': the nearest setting is host.",
        "--wait is 'x': use a number from 0.5 to 9.",
        "EDGE_EVEN can't be used: it is odd: use an even number.",
        "F: colour is 1: use one of red, green.",
    ]


def test_a_wrong_file_is_said_beside_the_rest(wrong):
    said = wrong(["--port", "x"], file="port : 1")
    assert len(said) == 2
    assert said[0].startswith("F is not valid TOML (")
    assert "line 1" in said[0]


@pytest.mark.parametrize("where", ["option", "variable", "key"])
@pytest.mark.parametrize("on", [True, False])
def test_a_flag_can_be_set_either_way_in_every_place(where, on, read):
    word = "true" if on else "false"
    for name in ("metrics", "warm-up"):
        reading = {
            "option": lambda name=name: read([f"--{name}" if on else f"--no-{name}"]),
            "variable": lambda name=name: read(
                variables={f"EDGE_{name.upper().replace('-', '_')}": word}
            ),
            "key": lambda name=name: read(file=f"{name} = {word}"),
        }[where]()
        assert getattr(reading.settings, name.replace("-", "_")) is on


def test_the_command_line_takes_a_flag_back(read):
    assert read(["--no-metrics"], {"EDGE_METRICS": "on"}).settings.metrics is False


def test_several_values_can_be_given_in_every_place(read):
    expected = ("camera=2", "digits=1")
    assert read(["--pin", expected[0], "--pin", expected[1]]).settings.pin == expected
    for text in ("camera=2,digits=1", " camera=2  digits=1 ", "camera=2, digits=1,"):
        assert read(variables={"EDGE_PIN": text}).settings.pin == expected
    assert read(file='pin = ["camera=2", "digits=1"]').settings.pin == expected


def test_a_place_s_several_values_take_the_place_of_those_below_it(read):
    file = "pin = ['a', 'b']"
    assert read(["--pin", "c"], {"EDGE_PIN": "d,e"}, file).settings.pin == ("c",)
    assert read(["--pin="], {}, file).settings.pin == ()


def test_each_of_several_values_has_to_be_a_choice(read, wrong):
    assert read(["--units", "b", "--units", "c"]).settings.units == ("b", "c")
    assert wrong(["--units", "b", "--units", "d"]) == ["--units is 'd': use one of a, b, c."]
    assert wrong(file="units = ['a', 'e']") == ["F: units is 'e': use one of a, b, c."]
