from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from edge_server.compression import deflate, inflate
from edge_server.errors import BadRequest, BodyTooLarge, UnsupportedMediaType

BODY = bytes(range(256)) * 40


def bare(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


COMPRESSED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY),
    "deflate": zlib.compress(BODY),
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_body_is_what_it_was(encoding):
    assert inflate(COMPRESSED[encoding], encoding, limit=len(BODY)) == BODY


def test_deflate_without_its_header_is_taken_too():
    assert inflate(bare(BODY), "deflate", limit=len(BODY)) == BODY


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_one_byte_over_the_limit_is_too_much(encoding):
    with pytest.raises(BodyTooLarge, match="inflated"):
        inflate(COMPRESSED[encoding], encoding, limit=len(BODY) - 1)


def test_a_bomb_is_refused_without_being_inflated():
    bomb = gzip.compress(bytes(200 * 2**20), 9)
    assert len(bomb) < 2**18
    tracemalloc.start()
    with pytest.raises(BodyTooLarge):
        inflate(bomb, "gzip", limit=2**20)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("encoding", COMPRESSED)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data + b"more",
        lambda data: data + data,
        lambda data: b"",
        lambda data: b"{" + data,
    ],
    ids=["last byte", "half", "tail", "twice", "empty", "head"],
)
def test_damage_is_refused(encoding, damage):
    with pytest.raises(BadRequest, match=r"gzip|deflate"):
        inflate(damage(COMPRESSED[encoding]), encoding, limit=2**20)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
def test_another_encoding_is_refused_with_those_that_are_taken(encoding):
    with pytest.raises(UnsupportedMediaType, match="send gzip, deflate"):
        inflate(BODY, encoding, limit=2**20)


def test_answers_can_be_read_by_the_standard_library():
    assert gzip.decompress(deflate(BODY, "gzip")) == BODY
    assert zlib.decompress(deflate(BODY, "deflate")) == BODY
