"""What every refusal looks like, and ways to send what no client library would."""

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.e2e.serving import PATIENCE, Server

JSON_TYPE = {"content-type": "application/json"}
LONGEST = 64 * 1024
"""A refusal is for a human to read, whatever was refused."""


def refused(response: httpx.Response, status: int, *words: str) -> dict[str, Any]:
    """The problem document of a response that must be this refusal, with these words in its sentence."""
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]
    assert len(response.content) <= LONGEST
    problem: dict[str, Any] = response.json()
    assert set(problem) <= {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == status
    assert problem["type"].startswith("/problems/")
    assert problem["title"][0].isupper()
    assert len(problem["detail"].split()) > 1, f"no helpful sentence: {problem['detail']}"
    for word in words:
        assert word in problem["detail"]
    for error in problem.get("errors", []):
        assert set(error) == {"pointer", "detail"}
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    return [error["pointer"] for error in problem["errors"]]


def post_raw(server: Server, content: bytes, path: str = "/v1/solve") -> httpx.Response:
    """Post bytes as they are, called JSON."""
    return server.client.post(path, content=content, headers=JSON_TYPE)


def post_escaped(server: Server, document: object) -> httpx.Response:
    """Post a document in ASCII, so that strings no UTF-8 can hold go through as escapes."""
    return post_raw(server, json.dumps(document).encode("ascii"))


def connect(server: Server) -> socket.socket:
    """A bare connection to the server."""
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), PATIENCE)


def response(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the response on a bare connection."""
    connection.settimeout(30)
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
        return answer.status, answer.read()
    finally:
        answer.close()


def head(line: str, path: str = "/v1/solve") -> bytes:
    """The first lines of a POST, up to its body."""
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: test", "Content-Type: application/json", line, "", ""]).encode()


def ask(server: Server, document: object, path: str = "/v1/solve") -> socket.socket:
    """Post a puzzle and do not wait for the answer."""
    content, connection = json.dumps(document).encode(), connect(server)
    connection.sendall(head(f"Content-Length: {len(content)}", path=path) + content)
    return connection


def solves_on(server: Server) -> bool:
    """Whether the server still answers."""
    return server.client.get("/healthz").status_code == 200
