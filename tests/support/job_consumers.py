"""A consumer in a process of its own, which a deadly puzzle really kills: `python -m tests.support.job_consumers URL LEASE`.

It answers any line with the line itself, after a moment, ends when no job is open any more, and prints nothing.
"""

import asyncio
import os
import sys

from app.cache.address import parse
from app.errors import TRMError
from app.jobs.base import Item, Kind, Limits
from app.jobs.consumer import Consumer
from app.jobs.redis import RedisJobs
from app.metrics import Metrics
from app.pool.base import PoolStatus

DEADLY = b"deadly"
PLACES = 50


class Echo:
    """See `app.jobs.consumer.Work`."""

    async def solve(self, item: Item) -> tuple[Kind, bytes]:
        await asyncio.sleep(0.02)
        if item.line.startswith(DEADLY):
            os._exit(9)
        return "solved", item.line

    def failed(self, item: Item, error: TRMError) -> bytes:
        return item.line + b": " + error.detail.encode()


def status() -> PoolStatus:
    return PoolStatus(waiting=0, running=0, places=PLACES, capacity=PLACES, workers=1, ready=1, live=True)


async def main(url: str, lease: float) -> None:
    store = RedisJobs(parse(url), Limits(100, 10**6, 1000.0, lease))
    consumer = Consumer(store, Echo(), status, Metrics(), lease)
    consumer.start()
    while (await store.backlog()).pending:
        await asyncio.sleep(0.05)
    await consumer.close()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
