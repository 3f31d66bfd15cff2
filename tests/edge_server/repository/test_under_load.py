"""A real server whose model is changed again and again while clients ask without a pause."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, field

import pytest
import requests

CLIENTS = 4
CHANGES = 12


@dataclass
class Client:
    """Asks one thing after the other; notes what does not fit."""

    url: str
    data: bytes
    marks: dict[str, str]  # sha256 -> what every label of that file begins with
    wrong: list[str] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    slowest: float = 0.0

    def run(self, ending: threading.Event) -> None:
        with requests.Session() as session:
            while not ending.is_set():
                started = time.perf_counter()
                try:
                    answer = session.post(self.url + "/predict", self.data, timeout=20)
                except requests.RequestException as error:
                    self.wrong.append(repr(error))
                    continue
                self.slowest = max(self.slowest, time.perf_counter() - started)
                self.check(answer.status_code, answer.json())

    def check(self, status: int, document) -> None:
        if status != 200:
            self.wrong.append(f"{status} {document}")
            return
        model, mark = document["model"], document["prediction"].rpartition(" ")[0]
        if self.marks.get(model["sha256"]) != mark or mark.partition(".")[0] != model["version"]:
            self.wrong.append(f"{model} answered {document['prediction']}")
        if not self.seen or self.seen[-1] != (model["version"], model["sha256"]):
            self.seen.append((model["version"], model["sha256"]))


@pytest.fixture
def hammered(server, shelf, paint, encode):
    """A server under load; gives its process, its clients, and how to stop them."""
    marks = {}

    def write(version, mark, **options):
        marks[shelf.sha256(mark)] = mark
        return shelf.write("cats", version, mark, **options)

    write("1", "1.0")
    process = server("--port", 0, "--models", shelf.root, "--models-poll", 0.1, "--queue", 100)
    url, data = process.url, encode(paint(250, 10, 10))
    clients = [Client(url, data, marks) for _ in range(CLIENTS)]
    ending = threading.Event()
    threads = [threading.Thread(target=client.run, args=[ending]) for client in clients]
    for thread in threads:
        thread.start()
    try:
        yield process, clients, write
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def test_no_request_fails_and_none_is_answered_by_half_a_change(hammered, shelf, until):
    process, clients, write = hammered
    until(lambda: all(client.seen for client in clients))
    for number in range(2, CHANGES):
        version = str(number)
        if number % 3 == 0:  # replaced in its place, then taken back by removal
            place = write(str(number - 1), f"{number - 1}.{number}", hidden=True)
            there = shelf.root / "cats" / str(number - 1)
            there.rename(there.with_name(f".old.{number}"))
            place.rename(there)
            sha256 = shelf.sha256(f"{number - 1}.{number}")
        else:
            write(version, f"{version}.0")
            sha256 = shelf.sha256(f"{version}.0")
        until(lambda new=sha256: all(client.seen[-1][1] == new for client in clients), 60)
    # A damaged one changes nothing.
    write("99", "99.0")
    (shelf.root / "cats" / "99" / "labels.txt").write_text("one\n")
    until(lambda: "failed" in process.log or clients[0].seen[-1][0] == "99", 60)
    shutil.rmtree(shelf.root / "cats" / "99")
    assert [wrong for client in clients for wrong in client.wrong] == []
    assert all(len(client.seen) >= CHANGES - 2 for client in clients)
    assert "Traceback" not in process.log
    print("slowest request of each client, s:", [round(c.slowest, 3) for c in clients])
