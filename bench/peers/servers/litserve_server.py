"""LitServe: a `LitAPI` with LitServe's own batching of whole requests."""

import litserve as ls

from bench.peers.attempts import Solver
from bench.peers.grids import Answer, Asked
from bench.peers.options import Options


class SudokuAPI(ls.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002  # always the CPU here
        self.solver = Solver(Options.read())

    def predict(self, x: Asked | list[Asked]) -> Answer | list[Answer]:
        """A list of as many as were waiting; one request as it is where the largest batch is 1."""
        return self.solver(x) if isinstance(x, list) else self.solver([x])[0]


if __name__ == "__main__":
    options = Options.read()
    # a timeout of 0 would not wait at all but ask the empty queue in a busy loop, which the model's cores would pay for; so at least 1 ms is swept
    api = SudokuAPI(max_batch_size=options.batch, batch_timeout=options.wait_ms / 1000)
    server = ls.LitServer(
        api,
        accelerator="cpu",
        workers_per_device=options.workers,  # the documentation: on a CPU, as many as there are cores
        timeout=False,  # else a request that waited for 30 s is refused
        fast_queue=True,  # ZeroMQ in place of multiprocessing's queue, advised above 100 requests/s
        disable_openapi_url=True,
    )
    # one HTTP process: by default there are as many as workers, and here they would take the model's cores
    server.run(host="127.0.0.1", port=options.port, num_api_servers=1, log_level="warning", generate_client_file=False, access_log=False)
