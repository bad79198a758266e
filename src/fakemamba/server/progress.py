"""Long recordings: lines of progress while they are judged, and no work for clients that have gone."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fakemamba.errors import FakeMambaError
from fakemamba.result import Result
from fakemamba.server.judge import Task
from fakemamba.server.options import DetectOptions
from fakemamba.server.problem import Problem
from fakemamba.server.service import Service

LINES = "application/x-ndjson"


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Await `work`, but cancel it when the client closes its connection first.

    Raises:
        Problem: 400 to nobody, if the client has gone.
    """
    judging = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((judging, gone), return_when=asyncio.FIRST_COMPLETED)
        if not judging.done():
            raise Problem(400, "cut_off", "the connection ended before the answer")
        return judging.result()
    finally:
        judging.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Lines(StreamingResponse):
    """One JSON object a line: `progress`s while it works, then `result` or `error`.

    Args:
        service: judges and counts.
        task, options: what was asked.
        document: Result -> the report, as its text or as an object with both kinds.
        room: given back when the last line is sent, or the client has gone.
    """

    def __init__(
        self,
        service: Service,
        task: Task,
        options: DetectOptions,
        document: Callable[[Result], str | dict[str, Any]],
        room: ExitStack,
    ) -> None:
        self._service, self._task, self._options = service, task, options
        self._document, self._room = document, room
        super().__init__(self._lines(), media_type=LINES, headers={"Cache-Control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._room:
            await super().__call__(scope, receive, send)

    async def _lines(self) -> AsyncIterator[str]:
        loop, said = asyncio.get_running_loop(), asyncio.Queue[tuple[float, float | None] | None]()

        def report(done: float, total: float | None) -> None:
            loop.call_soon_threadsafe(said.put_nowait, (done, total))

        judging = asyncio.ensure_future(self._service.judge.detect(self._task, report))
        judging.add_done_callback(lambda _: said.put_nowait(None))
        try:
            while (step := await said.get()) is not None:
                yield _line({"type": "progress", "done": step[0], "total": step[1]})
            yield _line(self._last(judging.result()))
        except Problem as problem:
            yield _line({"type": "error", "status": problem.status, **problem.body()})
        except FakeMambaError as error:
            yield _line({"type": "error", "status": 500, "error": {"code": "internal", "message": str(error)}})
        finally:
            judging.cancel()

    def _last(self, result: Result) -> dict[str, Any]:
        self._service.metrics.judged(result)
        line: dict[str, Any] = {"type": "result", "result": result.to_dict()}
        if self._options.report != "none":
            line["report"] = self._document(result)
        return line


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
