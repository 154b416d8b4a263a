"""What wraps every request, around a bare ASGI application."""

import json

import pytest
from starlette.exceptions import HTTPException

from app.api.envelope import Envelope
from app.api.visits import SECURITY, Visits
from app.logs import request_id
from app.metrics import Metrics


class Route:
    path = "/v1/models/{name}"


async def echo(scope, receive, send):
    """Reads all of its body and answers with the request's id and the body's length."""
    scope["route"] = Route
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-kind", b"echo")]})
    await send({"type": "http.response.body", "body": f"{request_id.get()} {size}".encode()})


async def crash(scope, receive, send):
    raise RuntimeError("a bug")


async def vanish(scope, receive, send):
    """The client left: there is nobody to answer."""


@pytest.fixture
def call():
    """Call an application inside the envelope: its metrics and the messages that it sent."""

    async def called(app, *chunks: bytes, method="POST", path="/v1/models/one", headers=(), limit=100):
        metrics, sent, incoming = Metrics(), [], list(chunks) or [b""]

        async def receive():
            return {"type": "http.request", "body": incoming.pop(0), "more_body": bool(incoming)}

        async def send(message):
            sent.append(message)

        called.metrics = metrics
        scope = {"type": "http", "method": method, "path": path, "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}
        await Envelope(app, Visits(metrics), limit)(scope, receive, send)
        return sent

    return called


async def test_a_request_has_one_line_in_the_log_and_is_counted(call, caplog, capsys) -> None:
    caplog.set_level("INFO")
    await call(echo)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["name"], line["message"], line["route"], line["method"], line["status"]) == ("trm.access", "request", Route.path, "POST", 201)
    assert counted(call, route=Route.path, method="POST", code="201") == 1


async def test_where_nobody_reads_the_log_requests_are_answered(call, caplog, monkeypatch) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    caplog.set_level("INFO")
    monkeypatch.setattr("sys.stderr", Gone())
    assert (await call(echo))[0]["status"] == 201


def counted(call, **labels: str) -> float | None:
    return call.metrics.registry.get_sample_value("trm_http_requests_total", labels)


@pytest.mark.parametrize("identity", ["a", "Z-9_.x", "f" * 128])
async def test_a_request_id_that_was_given_is_echoed(call, identity) -> None:
    start, body = await call(echo, headers=[("x-request-id", identity)])
    assert start["headers"] == [(b"x-kind", b"echo"), *SECURITY, (b"x-request-id", identity.encode())]
    assert body["body"] == f"{identity} 0".encode()


async def test_a_page_keeps_a_policy_of_its_own(call) -> None:
    async def page(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-security-policy", b"default-src 'self'")]})

    (start,) = await call(page)
    assert [value for name, value in start["headers"] if name == b"content-security-policy"] == [b"default-src 'self'"]
    assert (b"x-content-type-options", b"nosniff") in start["headers"]


@pytest.mark.parametrize("headers", [[], [("x-request-id", "")], [("x-request-id", "a b")], [("x-request-id", "é")], [("x-request-id", "f" * 129)]])
async def test_a_request_id_is_made_where_none_can_be_echoed(call, headers) -> None:
    (first, _), (second, _) = await call(echo, headers=headers), await call(echo, headers=headers)
    ids = [dict(start["headers"])[b"x-request-id"] for start in (first, second)]
    assert ids[0] != ids[1]
    assert all(len(each) == 32 for each in ids)


async def test_the_request_id_is_forgotten_after_the_request(call) -> None:
    await call(echo)
    assert request_id.get() is None


async def test_a_body_up_to_the_limit_is_let_through(call) -> None:
    _, body = await call(echo, b"x" * 60, b"y" * 40, headers=[("x-request-id", "a")])
    assert body["body"] == b"a 100"


@pytest.mark.parametrize("chunks", [[b"x" * 101], [b"x" * 60, b"y" * 41], [b"x" * 60, b"y" * 60, b"z" * 60]])
async def test_a_body_over_the_limit_is_refused_while_it_is_read(call, chunks) -> None:
    caught = []

    async def reading(scope, receive, send):
        try:
            await echo(scope, receive, send)
        except HTTPException as error:
            caught.append((error.status_code, error.detail))

    await call(reading, *chunks)
    assert caught == [(413, "the body is over 100 bytes")]


async def test_a_request_is_counted_by_the_template_of_its_route(call) -> None:
    await call(echo)
    assert counted(call, route="/v1/models/{name}", method="POST", code="201") == 1
    assert call.metrics.registry.get_sample_value("trm_http_request_duration_seconds_count", {"route": "/v1/models/{name}"}) == 1


@pytest.mark.parametrize("method", ["PROPFIND", "get", "x" * 1000])
async def test_a_method_of_the_clients_invention_is_no_label(call, method) -> None:
    await call(echo, method=method)
    assert counted(call, route="/v1/models/{name}", method="other", code="201") == 1


async def test_a_bug_is_answered_by_a_problem_with_the_request_id(call) -> None:
    start, body = await call(crash, headers=[("x-request-id", "a")])
    assert (start["status"], dict(start["headers"])[b"x-request-id"]) == (500, b"a")
    assert json.loads(body["body"])["type"] == "/problems/internal"


async def test_a_path_that_leads_nowhere_is_no_label(call) -> None:
    await call(crash, path="/whatever/a/client/types")
    assert counted(call, route="unmatched", method="POST", code="500") == 1


async def test_a_client_that_left_is_counted_as_gone(call) -> None:
    await call(vanish)
    assert counted(call, route="unmatched", method="POST", code="499") == 1


async def test_what_is_not_http_passes_by(call) -> None:
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await Envelope(app, Visits(Metrics()), 1)({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
