"""What the layers around the framework see of it: everything, and its errors as problems."""

import pytest

from app.model.store import ModelStore
from tests.support.clients import client_of


@pytest.mark.parametrize(("path", "said"), [("/v1/models/nine", "detail"), ("/v2/models/nine", "error")])
async def test_a_bug_in_a_route_is_a_problem_that_is_logged_and_counted(services, monkeypatch, caplog, path, said) -> None:
    def bug(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(ModelStore, "called", bug)
    async with client_of(services) as client:
        response = await client.get(path)
    assert (response.status_code, response.json()[said].split(";")[0]) == (500, "something went wrong here")
    assert response.headers["content-type"].split("/")[1] in ("problem+json", "json")
    assert response.headers["x-content-type-options"] == "nosniff"
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "nobody thought of this" in str(record.exc_info)
    rendered = services.metrics.render().decode()
    assert 'trm_http_requests_total{code="500",method="GET"' in rendered
