"""The doors for programs: detect, model, health and metrics."""

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse

from fakemamba.audio.source import printable
from fakemamba.report import render
from fakemamba.report.document import make_report
from fakemamba.result import Result
from fakemamba.server import examples
from fakemamba.server.about import ModelInfo, model_info
from fakemamba.server.gate import client_of, service_of
from fakemamba.server.judge import Task
from fakemamba.server.metrics import CONTENT_TYPE
from fakemamba.server.options import DetectOptions, merged
from fakemamba.server.problem import Problem
from fakemamba.server.progress import Lines, unless_gone
from fakemamba.server.service import Service
from fakemamba.server.upload import held, read_upload

router = APIRouter()

UNNAMED = "recording"
# A report is a page of its own: nothing runs in it, nothing is fetched, its styles stand inside.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; sandbox"


@router.post(
    "/v1/detect",
    summary="Judge one recording",
    response_model=Result | examples.Document,
    responses=examples.DETECT_RESPONSES,
    openapi_extra={"requestBody": examples.DETECT_BODY},
    tags=["detection"],
)
async def detect(request: Request, options: Annotated[DetectOptions, Query()]) -> Response:
    """Send a recording as the body, or as the field `file` of a multipart form; any format that fakemamba reads.

    The answer says real, fake or unsure, where, and how sure. Nothing is kept.
    """
    service = service_of(request)
    who = client_of(request, service)
    with ExitStack() as stack:
        stack.enter_context(service.limits.request(who))
        memory = stack.enter_context(held(service.limits.memory))
        upload = await read_upload(request, service.config, memory)
        options = merged(options, upload.fields)
        called = printable(options.name or upload.name or UNNAMED, longest=255)
        service.judge.at(options.threshold, options.operating_point)  # refused before anything is judged
        task = Task(
            audio=upload.audio,
            client=who,
            name=called,
            threshold=options.threshold,
            operating_point=options.operating_point,
            near=options.near,
        )
        del upload
        if options.progress:  # the room is held until the last line was sent
            return Lines(service, task, options, lambda result: document(service, result, options), stack.pop_all())
        result = await unless_gone(request, service.judge.detect(task))
    service.metrics.judged(result)
    return _answer(service, result, options)


@router.get("/v1/model", summary="What judges, and how well", responses=examples.MODEL_RESPONSES, tags=["detection"])
async def model(request: Request) -> ModelInfo:
    """The model that runs: name, hash, calibration, thresholds, known error rates, and what this server takes."""
    service = service_of(request)
    client_of(request, service)
    return model_info(service.judge.at(), service.config)


@router.get("/healthz", summary="Whether the process lives", tags=["operation"], responses=examples.TEXT_OK)
async def healthz() -> PlainTextResponse:
    """Always 200 while the process answers at all."""
    return PlainTextResponse("ok\n")


@router.get("/readyz", summary="Whether new work is taken", tags=["operation"], responses=examples.READY_RESPONSES)
async def readyz(request: Request) -> PlainTextResponse:
    """200 while recordings and streams are taken; 503 while the server shuts down."""
    if service_of(request).draining:
        raise Problem(503, "busy", "the server is shutting down", retry_after=5)
    return PlainTextResponse("ready\n")


@router.get("/metrics", summary="Counters for Prometheus", tags=["operation"], responses=examples.METRICS_RESPONSES)
async def metrics(request: Request) -> Response:
    """Text format 0.0.4; needs a key where keys are set."""
    service = service_of(request)
    client_of(request, service)
    return Response(service.metrics.text(), media_type=CONTENT_TYPE)


def document(service: Service, result: Result, options: DetectOptions) -> str | dict[str, Any]:
    """The case document as the options want it: the text of the JSON or HTML, or both in one object."""
    report = make_report(service.judge.at(options.threshold, options.operating_point), [result], [])
    if options.report == "both":
        return {"json": report.to_dict(), "html": render(report, "html")}
    return render(report, "html" if options.report == "html" else "json")


def _answer(service: Service, result: Result, options: DetectOptions) -> Response:
    headers = {"Cache-Control": "no-store"}
    if options.report == "none":
        return JSONResponse(result.to_dict(), headers=headers)
    text = document(service, result, options)
    if isinstance(text, dict):
        return JSONResponse(text, headers=headers)
    if options.report == "json":
        return Response(text, media_type="application/json", headers=headers)
    return HTMLResponse(text, headers={**headers, "Content-Security-Policy": REPORT_POLICY})
