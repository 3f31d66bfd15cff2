from __future__ import annotations

import numpy as np
import pytest

from camera.sources.standstill import Standstill


@pytest.fixture
def moving():
    """Pictures whose upper part changes, above an edge that may."""
    shades = iter(range(10**6))

    def picture(edge, size=(64, 48)):
        pixels = np.full((size[1], size[0], 3), next(shades) % 251, np.uint8)
        pixels[-16:] = edge
        return pixels

    return picture


def test_an_edge_that_never_changes_is_suspect(moving):
    standstill = Standstill()
    assert [standstill.suspects(moving(7), second) for second in range(0, 50, 10)] == [
        False,
        False,
        False,
        True,
        False,  # once is enough
    ]


def test_an_edge_that_changes_now_and_then_is_none(moving):
    standstill = Standstill()
    assert not any(standstill.suspects(moving(second // 20), second) for second in range(200))


def test_a_black_edge_is_suspected_once_in_each_size(moving):
    standstill = Standstill()
    found = []
    for size in ((64, 48), (64, 48), (32, 24)):
        standstill.begin()
        found.append(any(standstill.suspects(moving(0, size), second) for second in range(60)))
    assert found == [True, False, True]
