"""The first message of a live stream: what will be sent, and how it shall be judged."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator

from fakemamba.config import Frozen
from fakemamba.server.problem import Problem
from fakemamba.server.sources import CONTAINERS, PCM, Format
from fakemamba.stream import StreamConfig


class Start(Frozen):
    """`{"type": "start", "format": "s16le", "rate": 16000}`, or the same as the query of the address.

    Attributes:
        format: s16le or f32le samples; or a container: webm, ogg, mp4. A browser's MIME type will do.
        rate, channels: of samples; containers say it themselves.
        key: the API key, for browsers, which cannot send it in a header. Never in the query.
        config: hop, threshold and so on, as of `fakemamba.StreamConfig`.
    """

    type: Literal["start"] = "start"
    format: Format = "s16le"
    rate: Annotated[int, Field(ge=4_000, le=768_000)] = 16_000
    channels: Annotated[int, Field(ge=1, le=16)] = 1
    key: Annotated[str, Field(max_length=1000)] = ""
    config: StreamConfig = StreamConfig()

    @field_validator("format", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        """audio/webm;codecs=opus -> webm"""
        if not isinstance(value, str):
            return value
        return value.lower().partition(";")[0].strip().removeprefix("audio/").removeprefix("video/")


def read_start(values: Any) -> Start:
    """Check the first message; raises Problem 400."""
    try:
        return Start.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "message"
        known = ", ".join((*PCM, *CONTAINERS))
        hint = f"; the formats are {known}" if place == "format" else ""
        raise Problem(400, "bad_start", f"start: {place}: {first['msg']}{hint}") from error


def read_message(text: str) -> dict[str, Any]:
    """A text message as a JSON object with a type; raises Problem 400."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "bad_message", "a text message must be JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("type"), str):
        raise Problem(400, "bad_message", 'a text message must be an object with a "type": start or end')
    return found


def query_start(query: dict[str, str]) -> Start | None:
    """The start message of an address such as /v1/stream?format=s16le&rate=8000; None if it has no query."""
    if not query:
        return None
    if "key" in query or "config" in query or "type" in query:
        raise Problem(400, "bad_start", "the query may hold format, rate and channels; send the rest as a message")
    return read_start(query)
