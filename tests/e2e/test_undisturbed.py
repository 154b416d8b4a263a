"""Whatever others send, a valid request in flight is answered as if it were alone."""

import asyncio

from tests.e2e.problems import JSON_TYPE
from tests.e2e.puzzles import ANSWER, NEWSPAPER, distinct
from tests.e2e.serving import Server, body
from tests.e2e.test_bad_bodies import GOOD, MEDIA_TYPES, NOT_JSON
from tests.e2e.test_bad_fields import BODIES


async def test_bad_requests_do_not_disturb_good_ones(server: Server) -> None:
    puzzles = distinct(20, seed=401)
    async with server.impatient() as client:
        good = [client.post("/v1/solve", json=body(puzzle, cache="bypass", halt="never", max_steps=20, timeout_ms=120_000)) for puzzle in puzzles]
        bad = [client.post("/v1/solve", content=content, headers=JSON_TYPE) for content in NOT_JSON.values()]
        bad += [client.post("/v1/solve", content=GOOD, headers={"content-type": kind}) for kind in MEDIA_TYPES]
        bad += [client.post("/v1/solve", json=document) for name, (document, _) in BODIES.items() if "surrogate" not in name]
        bad += [client.post("/v1/solve", json=body("." * 80)) for _ in range(20)]
        bad += [client.post("/v1/solve", json=body(NEWSPAPER, "nobody")) for _ in range(20)]
        responses = await asyncio.gather(*good, *bad)
    answers = [response.json() for response in responses[: len(good)]]
    assert [(answer["status"], answer["steps"]) for answer in answers] == [("solved", 20)] * len(good)
    assert all(400 <= response.status_code < 500 for response in responses[len(good) :])


async def test_puzzles_that_share_a_batch_get_their_own_answers(server: Server) -> None:
    puzzles = distinct(100, seed=402)
    responses = await server.solve_all(body(puzzle, cache="bypass", timeout_ms=120_000) for puzzle in puzzles)
    for puzzle, response in zip(puzzles, responses, strict=True):
        answer = response.json()
        assert answer["verified"] is True
        assert all(given in (".", "0", found) for given, found in zip(puzzle, answer["solution"], strict=True))


def test_nothing_of_it_was_an_internal_error(server: Server) -> None:
    assert server.answer(NEWSPAPER)["solution"] == ANSWER
    assert server.metric("trm_http_requests_total", code="500") == 0
