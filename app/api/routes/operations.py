"""What an operator asks: `/healthz`, `/readyz`, `/metrics`. They read what is known already and never wait for a worker."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from app.api.deps import Needs, Services
from app.api.schemas import HealthOut

router = APIRouter(tags=["operations"])
UNAVAILABLE: dict[int | str, dict[str, object]] = {503: {"model": HealthOut, "description": "Not now; `detail` says why"}}


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", responses=UNAVAILABLE)
async def healthz(services: Needs, response: Response) -> HealthOut:
    """Live: every worker with puzzles has stepped lately. A failing answer means that restarting the server would help."""
    live = services.pool.status().live
    return _health(services, response, "" if live else "a worker holds puzzles but does not step")


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", responses=UNAVAILABLE)
async def readyz(services: Needs, response: Response) -> HealthOut:
    """Ready: not draining, and at least one worker has run a real step."""
    if services.solver.draining:
        return _health(services, response, "shutting down")
    return _health(services, response, "" if services.pool.status().ready else "no worker is ready")


def _health(services: Services, response: Response, wrong: str) -> HealthOut:
    status = services.pool.status()
    response.status_code = 503 if wrong else 200
    return HealthOut(status="unavailable" if wrong else "ok", detail=wrong or "ok", workers=status.workers, ready=status.ready)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: Needs) -> Response:
    """All series in Prometheus' text format."""
    status = services.pool.status()
    services.metrics.waiting.set(status.waiting)
    services.metrics.running.set(status.running)
    return Response(services.metrics.render(), media_type=CONTENT_TYPE_PLAIN_0_0_4)
