"""What a client is told when something is wrong: one status, one word for programs, one line for people."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from fakemamba.audio.source import printable


class Detail(BaseModel):
    """`code` for programs, `message` for people: what is wrong and what to do."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: Detail


class Problem(Exception):  # noqa: N818 - an answer of HTTP, as RFC 9457 calls it
    """An answer other than success.

    Args:
        status: HTTP status.
        code: one word for programs.
        message: one line for people.
        retry_after: seconds after which trying again makes sense.
    """

    def __init__(self, status: int, code: str, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, printable(message, longest=500)
        self.retry_after = None if retry_after is None else max(1, round(retry_after))

    @property
    def headers(self) -> Mapping[str, str]:
        found = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            found["WWW-Authenticate"] = 'Bearer realm="fakemamba"'
        return found

    def body(self) -> dict[str, Any]:
        """The JSON of `ErrorBody`."""
        return {"error": {"code": self.code, "message": self.message}}

    def response(self) -> JSONResponse:
        """As an HTTP answer."""
        return JSONResponse(self.body(), self.status, headers=self.headers)


def busy(what: str, retry_after: float = 1.0) -> Problem:
    """503: the server is full; nothing was taken."""
    return Problem(503, "busy", f"{what}; nothing was judged, try again later", retry_after=retry_after)
