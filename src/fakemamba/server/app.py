"""The application: routes, errors as JSON, headers; everything that it holds is made in `build`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse

from fakemamba import __version__
from fakemamba.detect import Detector, load
from fakemamba.judge import judge_of
from fakemamba.server.config import ServerConfig
from fakemamba.server.envelope import Envelope
from fakemamba.server.keys import Keys, read_keys
from fakemamba.server.options import bad_options
from fakemamba.server.pages import Pages
from fakemamba.server.problem import Problem
from fakemamba.server.reference import reference
from fakemamba.server.routes import router
from fakemamba.server.service import build
from fakemamba.server.talk import router as talk

_ABOUT = """Is this voice real? Send a recording, or a stream while it runs; the answer is *real*, *fake* or *unsure*,
where, and how sure. A verdict is statistical evidence, not proof. Nothing that is sent is kept.

Errors are JSON: `{"error": {"code", "message"}}`. Live streams go to the WebSocket `/v1/stream`, see docs/server.md."""


def create_app(
    config: ServerConfig | None = None, *, detector: Detector | None = None, keys: Keys | None = None
) -> FastAPI:
    """Make the ASGI application; its threads start now and end with its lifespan.

    Args:
        config: settings; None for the defaults.
        detector: judges; None to open the one that `config` names. Its scorer must take calls from several threads.
        keys: who may come in; None to read those that `config` and the environment name.

    Raises:
        FakeMambaError: the model or the keys cannot be opened.
    """
    config = config or ServerConfig()
    keys = read_keys(config.api_keys_file) if keys is None else keys
    # One thread a call: the pool runs as many calls at once as there are cores, which wastes none of them.
    detector = detector or load(config.model, threads=1)
    judge_of(detector.card, config.threshold, config.operating_point)  # said at the start, not at the first request
    service = build(config, detector, keys)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        service.drain()
        service.close()

    app = FastAPI(
        title="fakemamba",
        version=__version__,
        description=_ABOUT,
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        root_path=config.root_path,
        license_info={"name": "Apache-2.0"},
    )
    app.state.service = service
    app.include_router(router)
    app.include_router(talk)
    app.add_route("/docs", reference, include_in_schema=False)
    app.router.routes.extend(Pages().routes())
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    if config.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=config.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Envelope, service=service)
    return app


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response()


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return bad_options(error.errors()).response()


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    known = {404: ("not_found", "there is nothing at this address"), 405: ("bad_method", "use another method here")}
    code, message = known.get(error.status_code, ("bad_request", str(error.detail)))
    answer = Problem(error.status_code, code, message).response()
    answer.headers.update(error.headers or {})
    return answer
