"""The server and its workers stay small: they are meant to run beside other things, for days."""

from pathlib import Path

from tests.e2e.puzzles import distinct
from tests.e2e.serving import Server, body

CEILING = 1_000_000_000


async def test_a_few_hundred_solves_fit_in_a_gigabyte() -> None:
    with Server(workers=2, threads=1) as server:
        for seed in range(3):
            responses = await server.solve_all(body(puzzle, timeout_ms=120_000) for puzzle in distinct(100, seed=900 + seed))
            assert {response.status_code for response in responses} == {200}
        assert 0 < server.resident_bytes() < CEILING


def test_the_server_itself_never_loads_what_runs_models() -> None:
    with Server(workers=1, threads=1) as server:
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "uvloop" in mapped
        assert "onnxruntime" not in mapped
        assert "libtorch" not in mapped
