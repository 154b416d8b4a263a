"""Mosec: a worker class behind its HTTP server in Rust, which makes the batches."""

import os
from typing import Any

import msgspec
from mosec import Server, Worker

from bench.peers.attempts import Solver
from bench.peers.grids import Answer, Asked
from bench.peers.options import Options

options = Options.read()


class Sudoku(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.solver = Solver(options)

    # Mosec's own JSON is the standard library's, indented; msgspec, which it has for MessagePack, is the faster one
    def deserialize(self, data: bytes) -> Any:
        return msgspec.json.decode(data, type=Asked)

    def serialize(self, data: Any) -> bytes:
        return msgspec.json.encode(data)

    def forward(self, data: Asked | list[Asked]) -> Answer | list[Answer]:
        """A list of as many as were waiting; one request as it is where the largest batch is 1."""
        return self.solver(data) if isinstance(data, list) else self.solver([data])[0]


if __name__ == "__main__":
    # requests and batches may take long under overload: without these they are refused after 3 s
    os.environ |= {"MOSEC_ADDRESS": "127.0.0.1", "MOSEC_PORT": str(options.port), "MOSEC_TIMEOUT": "600000", "MOSEC_LOG_LEVEL": "warning"}
    server = Server()
    server.append_worker(Sudoku, num=options.workers, max_batch_size=options.batch, max_wait_time=options.wait_ms)
    server.run()
