"""The page's files, from memory; and the API's description as a plain page that fetches nothing."""

import hashlib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fakemamba.server.problem import Problem

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}


class Pages:
    """Serves `/` and `/page/NAME` from the package's folder `page`; read once, so nothing else can be reached."""

    def __init__(self) -> None:
        self._files = {name: (content, TYPES[_ending(name)]) for name, content in _read(_folder())}
        self._tags = {
            name: f'"{hashlib.sha256(content).hexdigest()[:16]}"' for name, (content, _) in self._files.items()
        }

    def routes(self) -> list[Route]:
        """For the application; not part of the API's description."""
        return [Route("/", self._index, name="index"), Route("/page/{name:path}", self._file, name="page")]

    async def _index(self, request: Request) -> Response:
        if "index.html" not in self._files:
            return RedirectResponse("docs", 307)
        return self._send(request, "index.html")

    async def _file(self, request: Request) -> Response:
        return self._send(request, str(request.path_params["name"]))

    def _send(self, request: Request, name: str) -> Response:
        if name not in self._files:
            raise Problem(404, "not_found", "there is no such page")
        content, kind = self._files[name]
        # no-cache: the browser asks each time, and a new version of the package shows at once
        headers = {"ETag": self._tags[name], "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == self._tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)


def _folder() -> Traversable:
    return files("fakemamba.server").joinpath("page")


def _read(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif _ending(entry.name) in TYPES:
            yield prefix + entry.name, entry.read_bytes()


def _ending(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
