"""The playground at `/`, the files that it is made of, and `/docs`: all from here, nothing from elsewhere. Knows files; no puzzles."""

from pathlib import Path, PurePosixPath

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

WEB = Path(__file__).resolve().parents[2] / "web"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
"""What is given out, by the end of its name; nothing else is."""
COMPRESSED = ".wasm"
"""What lies compressed here, since it is large; every browser that runs it takes gzip."""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self'",
        "connect-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Scripts, styles and everything else from this server only; WebAssembly may be compiled, strings may not be run."""
HEADERS = {"content-security-policy": POLICY, "cache-control": "no-cache"}

router = APIRouter(include_in_schema=False)
page = StaticFiles(directory=WEB)
swagger = StaticFiles(packages=[("fastapi_offline", "static")])


@router.api_route("/", methods=["GET", "HEAD"])
async def playground(request: Request) -> Response:
    """The page for people."""
    return await _file(page, "index.html", request)


@router.api_route("/web/{path:path}", methods=["GET", "HEAD"])
async def file(path: str, request: Request) -> Response:
    """One of its files."""
    return await _file(page, path, request)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """The API to read and to try."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="TRM Serve: API",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/web/icon.svg",
    )


@router.api_route("/docs/{path}", methods=["GET", "HEAD"])
async def docs_file(path: str, request: Request) -> Response:
    """A file of the viewer."""
    return await _file(swagger, path, request)


async def _file(files: StaticFiles, path: str, request: Request) -> Response:
    """A file with its validator, or 304. Raises `HTTPException` 404 for what is not given out."""
    kind = PurePosixPath(path).suffix
    if kind not in TYPES:
        raise HTTPException(404)
    compressed = kind == COMPRESSED
    response = await files.get_response(f"{path}.gz" if compressed else path, request.scope)
    response.headers.update(HEADERS | {"content-type": TYPES[kind]} | ({"content-encoding": "gzip"} if compressed else {}))
    return response
