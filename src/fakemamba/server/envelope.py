"""Around every HTTP answer: headers that keep browsers safe, one line of log, a count, and 500 for our own bugs."""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fakemamba.server.problem import Problem
from fakemamba.server.service import Service

logger = logging.getLogger(__name__)

# Only what comes from here may run, be shown or be asked; a blob: is the user's own recording, played back.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Envelope:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        begin = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            logger.exception("internal error", extra={"fields": {"route": _route(scope)}})
            if answer.status:
                raise  # half an answer is out: the connection must break
            bug = Problem(500, "internal", "a bug of this server; its log says more")
            await bug.response()(scope, receive, answer.send)
        finally:
            self._note(scope, answer, time.perf_counter() - begin)

    def _note(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route, status = _route(scope), str(answer.status or 499)
        self._service.metrics.requests.add(route=route, status=status)
        if route == "/v1/detect":
            self._service.metrics.request_seconds.observe(seconds)
        fields: dict[str, Any] = {
            "method": scope["method"] if scope["method"] in _METHODS else "other",
            "route": route,
            "status": int(status),
            "ms": round(seconds * 1e3, 1),
        }
        if self._service.config.log_clients and scope.get("client"):
            fields["client"] = scope["client"][0]
        quiet = route in _QUIET and status == "200"
        logger.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})


_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE", "PATCH"})
_FIXED = frozenset({"/", "/docs", "/openapi.json"})
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class _Answer:
    """Puts the headers on, and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=_with_headers(message))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _with_headers(message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    message.setdefault("headers", [])
    return message


def _route(scope: Scope) -> str:
    """The route's template, never the path that was asked for: that is the client's text."""
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        return str(route)
    return scope["path"] if scope["path"] in _FIXED else "/page" if scope["path"].startswith("/page/") else "other"
