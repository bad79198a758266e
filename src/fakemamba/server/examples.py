"""What the OpenAPI document shows: bodies, answers and errors with an example each."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from fakemamba.server.problem import ErrorBody


class Document(BaseModel):
    """What `report` gives in place of the bare result, as `fakemamba detect --json` prints it: model, settings,
    results, errors."""

    model_config = ConfigDict(extra="allow")


_RESULT: dict[str, Any] = {
    "source": "call.flac",
    "source_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "duration": 6.0,
    "speech": 5.2,
    "verdict": "fake",
    "p_fake": 0.931,
    "score": -3.38,
    "llr": -2.6,
    "threshold": 0.0,
    "operating_point": "balanced",
    "reason": None,
    "segments": [{"start": 0.0, "end": 6.0, "verdict": "fake", "p_fake": 0.931, "score": -3.38, "near": False}],
    "timeline": [
        {"start": 0.0, "end": 4.0, "speech": 3.5, "p_fake": 0.909, "llr": -2.3, "score": -2.91},
        {"start": 2.0, "end": 6.0, "speech": 3.4, "p_fake": 0.948, "llr": -2.91, "score": -3.86},
    ],
    "near": {"window": 0.5, "hop": 0.2, "threshold": 1.69, "llr": [round(-1.2 - 0.04 * k, 3) for k in range(29)]},
    "warnings": [],
    "model": "compact-3",
    "model_sha256": "7c967283ab2e0ca7308b7974b951e8fef6549773910f67ede4996f621de5a6b4",
    "precision": "fp32",
    "version": "0.1.0",
}

DETECT_BODY: dict[str, Any] = {
    "required": True,
    "description": "A recording: WAV, FLAC, OGG, Opus or MP3, with the extra `media` also M4A, WebM and video.",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "The recording."},
                    "threshold": {"type": "number", "description": "As the query's; the form wins."},
                    "operating_point": {"type": "string", "description": "As the query's; the form wins."},
                    "near": {"type": "boolean"},
                    "report": {"type": "string", "enum": ["none", "json", "html", "both"]},
                    "name": {"type": "string", "maxLength": 255},
                    "progress": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
            "encoding": {"file": {"contentType": "audio/*, application/octet-stream"}},
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "audio/*": {"schema": {"type": "string", "format": "binary"}},
    },
}


def _error(status: int, code: str, message: str, description: str) -> dict[int | str, dict[str, Any]]:
    example = {"error": {"code": code, "message": message}}
    return {
        status: {
            "model": ErrorBody,
            "description": description,
            "content": {"application/json": {"example": example}},
        }
    }


def _after(found: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """With the header that says when to come again."""
    for answer in found.values():
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return found


_ACCESS = {
    **_error(401, "unauthorized", "an API key is needed; send it as  Authorization: Bearer KEY", "No or wrong key."),
    **_error(
        403,
        "foreign_origin",
        "pages of other sites may not use this server; --cors-origin allows one",
        "A page of another site.",
    ),
}
_BUSY = _after(_error(503, "busy", "the server is shutting down; nothing was judged, try again later", "Full."))

DETECT_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The verdict. With `report` a case document, with `progress` lines of JSON.",
        "content": {
            "application/json": {"example": _RESULT},
            "text/html": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
        },
    },
    **_error(400, "bad_option", "option threshold: Input should be a valid number", "A malformed request."),
    **_ACCESS,
    **_error(408, "too_slow", "the body came too slowly; send it again over a better line", "A slow sender."),
    **_error(413, "too_long", "the recording lasts longer than 3600 s, the most here; cut it into pieces", "Too big."),
    **_error(415, "not_audio", "not audio that can be read (looks like PDF)", "No audio, or a format not read here."),
    **_error(422, "unreadable_audio", "is empty (0 bytes); nothing was recorded or copied", "Damaged audio."),
    **_after(
        _error(429, "too_many_requests", "more than 600 requests in a minute; wait a little", "Your share is used up.")
    ),
    **_BUSY,
}
MODEL_RESPONSES: dict[int | str, dict[str, Any]] = dict(_ACCESS)
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
TEXT_OK: dict[int | str, dict[str, Any]] = {200: {"description": "A word.", "content": _TEXT}}
READY_RESPONSES: dict[int | str, dict[str, Any]] = {**TEXT_OK, **_BUSY}
METRICS_RESPONSES: dict[int | str, dict[str, Any]] = {**TEXT_OK, **_ACCESS}
