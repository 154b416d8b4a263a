"""The playground's files over HTTP: what is given out, with which headers, and what is not."""

import re

import pytest

from app.api.routes.web import WEB
from tests.support.clients import client_of


@pytest.fixture
async def client(services):
    async with client_of(services) as client:
        yield client


PAGE = (WEB / "index.html").read_text()
SCRIPTS = [str(path.relative_to(WEB)) for path in WEB.rglob("*.js")]


async def test_the_page_is_at_the_root_and_lets_nothing_in_from_elsewhere(client) -> None:
    response = await client.get("/")
    assert (response.status_code, response.text) == (200, PAGE)
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {source for sources in policy.values() for source in sources.split()} == {"'none'", "'self'", "'wasm-unsafe-eval'"}


@pytest.mark.parametrize("path", sorted(set(re.findall(r'(?:href|src)="(/web/[^"]+)"', PAGE))))
async def test_every_file_that_the_page_names_is_there(client, path) -> None:
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("path", SCRIPTS)
async def test_every_module_that_a_module_imports_is_there(client, path) -> None:
    response = await client.get(f"/web/{path}")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    for name in re.findall(r'^import .* from "(.+)";$', response.text, re.MULTILINE):
        assert ((WEB / path).parent / name).resolve().is_file()


async def test_a_file_that_is_known_is_not_sent_again(client) -> None:
    tag = (await client.get("/web/js/main.js")).headers["etag"]
    response = await client.get("/web/js/main.js", headers={"if-none-match": tag})
    assert (response.status_code, response.content) == (304, b"")
    assert (await client.head("/")).status_code == 200


NOTHING = [
    "/web/",
    "/web/js",
    "/web/nowhere.js",
    "/web/fetch_runtime",
    "/web/fonts/LICENSE",
    "/web/%2e%2e/main.py",
    "/web//etc/passwd",
    "/web/%00.js",
    "/web/" + "x" * 5000 + ".js",
    "/docs/nowhere.js",
]


@pytest.mark.parametrize("path", NOTHING, ids=range(len(NOTHING)))
async def test_nothing_else_is_given_out(client, path) -> None:
    response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


async def test_the_page_of_the_api_asks_nobody_else(client) -> None:
    page = (await client.get("/docs")).text
    addresses = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert address.startswith("/")
        assert (await client.get(address)).status_code == 200


async def test_a_models_step_is_given_out_once_with_its_digest_as_tag(client, store) -> None:
    response = await client.get("/v1/models/nine/step.onnx")
    assert (response.status_code, response.text) == (200, "step.onnx of nine")
    tag = response.headers["etag"]
    assert tag == f'"{store.entries["nine"].manifest.sha256["step.onnx"]}"'
    assert (await client.get("/v1/models/nine/step.onnx", headers={"if-none-match": tag})).status_code == 304


async def test_a_model_that_is_not_served_or_has_no_such_step_is_a_404(client, store) -> None:
    del store.entries["nine"].manifest.sha256["step.onnx"]
    for name in ("nine", "nobody"):
        response = await client.get(f"/v1/models/{name}/step.onnx")
        assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
