"""From any exception to one `application/problem+json` body. Knows HTTP; nothing of puzzles."""

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.api.schemas import ProblemOut
from app.errors import BodyNotJSON, BodyTooLarge, FieldError, InvalidRequest, NotFound, TRMError, Unauthorized, UnsupportedMediaType
from app.metrics import Metrics

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
TYPE_BASE, INFERENCE = "/problems/", "/v2"
MOST_ERRORS = 10
"""A body may be wrong in a hundred thousand places; this many are told."""
LONGEST_NAME = 80
"""Characters of a field's name that a pointer quotes."""


def problem(status: int, kind: str, title: str, detail: str, fields: Sequence[FieldError] = (), headers: Mapping[str, str] | None = None) -> Response:
    """A problem response. ASCII only, so that whatever a client sent can be quoted back."""
    body: dict[str, object] = {"type": TYPE_BASE + kind, "title": title, "status": status, "detail": detail}
    if fields:
        body["errors"] = [{"pointer": field.pointer, "detail": field.detail} for field in fields]
    return Response(json.dumps(body), status, headers, MEDIA_TYPE)


def told(response: Response, path: str) -> Response:
    """A problem as clients of this address want it: under `/v2` in the form of the Open Inference Protocol, with the same status and headers."""
    if not path.startswith(INFERENCE):
        return response
    kept = {name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")}
    return JSONResponse({"error": json.loads(bytes(response.body))["detail"]}, response.status_code, kept)


def from_error(error: TRMError) -> Response:
    """The response to an error of ours."""
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="trm"'
    return problem(error.status, error.type, error.title, error.detail, error.fields, headers)


def counted(error: TRMError, metrics: Metrics) -> Response:
    """The same, counted as a refusal; what is our own fault is logged."""
    metrics.rejected.inc(error.type)
    if error.status == 500:
        log.error("internal error", exc_info=error)
    return from_error(error)


def document(error: BaseException, metrics: Metrics) -> bytes:
    """The problem document for inside of a response that has begun, whatever went wrong."""
    if not isinstance(error, TRMError):
        log.error("a bug", exc_info=error)
    response = counted(error, metrics) if isinstance(error, TRMError) else BUG
    return bytes(response.body)


BUG = from_error(TRMError("something went wrong here; the log has it under this X-Request-ID"))
"""The response to what nobody thought of."""


def pointer(location: Sequence[object]) -> str:
    """RFC 6901 pointer of a pydantic location, which starts with `body`."""
    return "".join("/" + str(part)[:LONGEST_NAME].replace("~", "~0").replace("/", "~1") for part in location[1:])


def from_validation(request: Request, error: RequestValidationError) -> Response:
    """The response to a body that does not fit its schema."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    in_body = any(each["loc"][:1] == ("body",) for each in error.errors())
    if in_body and kind != "application/json" and not kind.endswith("+json"):
        return from_error(UnsupportedMediaType(f"send the body as content-type: application/json, not {kind or 'without one'}"))
    if any(each["type"] == "json_invalid" for each in error.errors()):
        each = error.errors()[0]
        return from_error(BodyNotJSON(f"the body is not JSON: {each['ctx']['error']} at character {each['loc'][-1]}"))
    if [each["loc"] for each in error.errors()] == [("body",)] and error.errors()[0]["type"] == "missing":
        return from_error(BodyNotJSON("the body is empty"))
    fields = [FieldError(pointer(each["loc"]), sentence(each)) for each in error.errors()[:MOST_ERRORS]]
    detail = "; ".join(f"{field.pointer or 'the body'}: {field.detail}" for field in fields)
    return from_error(InvalidRequest(detail, fields=tuple(fields)))


def sentence(error: Mapping[str, object]) -> str:
    """What pydantic found wrong with one field."""
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    return str(error["msg"]).replace("Input should be", "it should be").replace("Field required", "it is required")


def allowed(request: Request) -> str:
    """The methods that an address answers to, whichever routes they are of; the framework names those of one."""
    methods = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
    return ", ".join(each for each in methods if any(route.matches({**request.scope, "method": each})[0] is Match.FULL for route in request.app.routes))


def from_http(request: Request, error: HTTPException) -> Response:
    """The response to what the framework refused."""
    match error.status_code:
        case 400:
            return from_error(BodyNotJSON("the body cannot be read as JSON"))
        case 404:
            return from_error(NotFound("there is nothing at this address; see /docs"))
        case 405:
            methods = allowed(request)
            return problem(405, "method-not-allowed", "The method is not allowed here", f"this address answers to {methods} only", headers={"Allow": methods})
        case 413:
            return from_error(BodyTooLarge(error.detail))
        case status:
            return problem(status, "http", error.detail, error.detail, headers=error.headers)


def promise_problems_only(document: dict[str, Any]) -> dict[str, Any]:
    """Take from an OpenAPI document the framework's own error bodies, which never come from here."""
    for operation in (each for methods in document["paths"].values() for each in methods.values()):
        for status, response in list(operation["responses"].items()):
            content = response.get("content", {})
            if MEDIA_TYPE in content:
                response["content"] = {MEDIA_TYPE: content[MEDIA_TYPE]}
            elif "HTTPValidationError" in str(content):
                del operation["responses"][status]
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


def install(app: FastAPI, metrics: Metrics) -> None:
    """Make every error of `app` a problem response; refusals are counted."""

    async def on_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, TRMError)
        return told(counted(error, metrics), request.url.path)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        response = from_validation(request, error)
        metrics.rejected.inc({400: BodyNotJSON.type, 415: UnsupportedMediaType.type}.get(response.status_code, InvalidRequest.type))
        return response

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return told(from_http(request, error), request.url.path)

    async def on_bug(request: Request, _: Exception) -> Response:
        return told(BUG, request.url.path)  # the framework raises the error again, for the envelope to log

    make = app.openapi

    def openapi() -> dict[str, Any]:
        return app.openapi_schema or promise_problems_only(make())

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents
    app.add_exception_handler(TRMError, on_error)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)


PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": ProblemOut, "description": meaning, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}}
    for status, meaning in {
        400: "Not JSON",
        404: "Unknown model, none that reads this size, or a puzzle id that it was not trained on",
        413: "Body over the limit",
        415: "Wrong media type",
        422: "Wrong shape, symbol or size; contradicting givens; options out of range",
        503: "Queue full, draining, no worker ready, or the model failed on this puzzle; see Retry-After",
        504: "The deadline passed while the puzzle was waiting",
    }.items()
}
"""Error responses of the solving routes, for the OpenAPI document."""
