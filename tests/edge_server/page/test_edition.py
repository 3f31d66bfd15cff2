"""The pages' edition: another one whenever an open page would be out of date."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_server.page.edition import edition
from edge_server.settings import Settings


def test_it_stays_as_long_as_nothing_changes():
    assert edition(Settings()) == edition(Settings(port=9, queue=7))


@pytest.mark.parametrize(
    "change",
    [{"title": "Zoo"}, {"colors": "accent=#0b6e4f"}, {"min_confidence": 0.9}, {"camera": "none"}],
    ids=str,
)
def test_what_the_page_shows_makes_another(change):
    assert edition(replace(Settings(), **change)) != edition(Settings())


def test_another_logo_makes_another(tmp_path):
    path = tmp_path / "logo.svg"
    path.write_text("one")
    one = edition(Settings(logo=path))
    path.write_text("another")
    assert len({one, edition(Settings(logo=path)), edition(Settings())}) == 3
