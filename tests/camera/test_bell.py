from __future__ import annotations

from camera.bell import Bell


def test_who_hears_it_hears_every_ring_while_it_lasts():
    bell, heard = Bell(), []

    def hear():
        heard.append("ring")

    bell.ring()
    with bell.heard(hear):
        bell.ring()
        bell.ring()
    bell.ring()
    assert heard == ["ring"] * 2


def test_who_listens_for_many_hears_each_ring_once_until_the_last_of_them_has_gone():
    bell, heard = Bell(), []

    def hear():
        heard.append("ring")

    with bell.heard(hear):
        with bell.heard(hear):
            bell.ring()
        bell.ring()
    bell.ring()
    assert len(heard) == 2


def test_who_has_gone_is_not_kept():
    bell = Bell()
    with bell.heard(print):
        pass
    assert not bell._hearers


def test_a_hearer_may_go_while_it_is_rung():
    bell, heard = Bell(), []

    def hear():
        heard.append("ring")
        listening.__exit__(None, None, None)

    listening = bell.heard(hear)
    listening.__enter__()
    bell.ring()
    bell.ring()
    assert heard == ["ring"]
