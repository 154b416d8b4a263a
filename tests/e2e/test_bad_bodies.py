"""Bytes that are no JSON, too many, of another kind, or not all there."""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.e2e.problems import JSON_TYPE, connect, head, post_raw, refused, response, solves_on
from tests.e2e.puzzles import ANSWER, NEWSPAPER
from tests.e2e.serving import Server, body

GOOD = json.dumps(body(NEWSPAPER)).encode()
LIMIT = 1 << 20

NOT_JSON = {
    "nothing": b"",
    "blanks": b"   ",
    "an open brace": b"{",
    "a grid": NEWSPAPER.encode(),
    "single quotes": b"{'puzzle': 1}",
    "a trailing comma": b'{"puzzle": 1,}',
    "two documents": GOOD + GOOD,
    "broken UTF-8": b'{"puzzle": "\xff\xfe"}',
    "null bytes": b"\0" * 100,
    "100,000 open brackets": b"[" * 100_000,
    "50,000 nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "an integer of 5,000 digits": b'{"puzzle": %s}' % (b"9" * 5000),
}

MEDIA_TYPES = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "*/*", "json"]


@pytest.mark.parametrize("case", NOT_JSON)
def test_what_is_not_json_is_400(server: Server, case: str) -> None:
    assert refused(post_raw(server, NOT_JSON[case]), 400)["type"] == "/problems/not-json"


def test_where_json_ends_to_be_json_is_told(server: Server) -> None:
    refused(post_raw(server, b'{"puzzle" 1}'), 400, "character 10")


@pytest.mark.parametrize("kind", MEDIA_TYPES)
def test_another_media_type_is_415(server: Server, kind: str) -> None:
    answer = server.client.post("/v1/solve", content=GOOD, headers={"content-type": kind})
    refused(answer, 415, "application/json")


def test_so_is_none_at_all(server: Server) -> None:
    refused(server.client.post("/v1/solve", content=GOOD), 415, "application/json")


@pytest.mark.parametrize("kind", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/problem+json"])
def test_every_spelling_of_json_is_taken(server: Server, kind: str) -> None:
    answer = server.client.post("/v1/solve", content=GOOD, headers={"content-type": kind})
    assert answer.json()["solution"] == ANSWER


def test_numbers_that_json_does_not_have_are_refused(server: Server) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity"):
        refused(post_raw(server, GOOD.replace(b'"options": {}', b'"options": {"max_steps": %s}' % number)), 422, "max_steps")


def test_a_body_of_10_megabytes_is_413(server: Server) -> None:
    refused(server.solve("." * 10_000_000), 413, str(LIMIT))


def test_a_body_at_the_limit_is_read(server: Server) -> None:
    answer = post_raw(server, GOOD + b" " * (LIMIT - len(GOOD)))
    assert answer.json()["solution"] == ANSWER


def test_a_byte_more_is_not(server: Server) -> None:
    refused(post_raw(server, GOOD + b" " * (LIMIT + 1 - len(GOOD))), 413)


def test_a_body_in_chunks_is_read(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        for start in range(0, len(GOOD), 10):
            yield GOOD[start : start + 10]

    assert server.client.post("/v1/solve", content=chunks(), headers=JSON_TYPE).json()["solution"] == ANSWER


@pytest.mark.parametrize(("path", "limit"), [("/v1/solve", LIMIT), ("/v1/solve/stream", LIMIT), ("/v1/solve/batch", 16 * LIMIT)])
def test_chunks_beyond_the_limit_are_413_before_they_end(server: Server, path: str, limit: int) -> None:
    with connect(server) as connection:
        connection.sendall(head("Transfer-Encoding: chunked", path=path))
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for _ in range(limit // 0x10000 + 1):
            connection.sendall(chunk)
        assert response(connection)[0] == 413


def test_a_body_said_to_be_too_long_is_413_though_little_of_it_came(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(head(f"Content-Length: {LIMIT * 10}") + b"{")
        assert response(connection)[0] == 413


def test_a_client_that_hangs_up_half_way_through_its_body_harms_nobody(server: Server) -> None:
    for _ in range(20):
        with connect(server) as connection:
            connection.sendall(head(f"Content-Length: {len(GOOD)}") + GOOD[:40])
    assert solves_on(server)
    assert server.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


def test_so_does_one_that_resets_the_connection(server: Server) -> None:
    for _ in range(20):
        connection = connect(server)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(head("Transfer-Encoding: chunked") + b"5\r\n{")
        connection.close()
    assert server.answer(NEWSPAPER, cache="bypass")["solution"] == ANSWER


def test_what_is_no_http_is_refused(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert response(connection)[0] == 400
    assert solves_on(server)


def test_a_key_given_twice_means_its_last_value(server: Server) -> None:
    answer = post_raw(server, GOOD.replace(b'{"puzzle"', b'{"model": "nobody", "model": "sudoku", "puzzle"', 1))
    assert answer.json()["solution"] == ANSWER
