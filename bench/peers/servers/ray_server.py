"""Ray Serve: a deployment with one replica a core and `serve.batch`."""

import asyncio

import ray
from ray import serve
from ray.serve.schema import LoggingConfig
from starlette.requests import Request

from bench.peers.attempts import Solver
from bench.peers.grids import Answer, Asked
from bench.peers.options import Options

options = Options.read()


@serve.deployment(
    num_replicas=options.workers,
    ray_actor_options={"num_cpus": 1},
    max_ongoing_requests=1024,  # the documentation: raise it for async methods; the default of 5 would not fill a batch, and what is above is held back
)
class Sudoku:
    def __init__(self) -> None:
        self.solver = Solver(Options.read())

    @serve.batch(max_batch_size=options.batch, batch_wait_timeout_s=options.wait_ms / 1000)
    async def solve(self, puzzles: list[Asked]) -> list[Answer]:
        return await asyncio.to_thread(self.solver, puzzles)  # so that the event loop goes on taking requests

    async def __call__(self, request: Request) -> Answer:
        return await self.solve(await request.json())


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, num_cpus=options.workers, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": options.port})
    serve.run(Sudoku.bind(), logging_config=LoggingConfig(enable_access_log=False, log_level="WARNING"), blocking=True)
