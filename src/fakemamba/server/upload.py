"""A request's body into memory: under the limits, piece by piece, never through a temporary file.

Starlette's own form reader puts uploads beyond a megabyte on the disk, so multipart is read here, by the same parser.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from fakemamba.server.config import ServerConfig
from fakemamba.server.limits import Memory
from fakemamba.server.problem import Problem

_MOST_PARTS = 16
_LONGEST_FIELD = 1000  # bytes of a form field that is no file
_OVERHEAD = 64 * 1024  # of a form around its file


@dataclass
class Upload:
    """What came in: the audio, the name that the client gave it (None for none), and the form's other fields."""

    audio: bytes
    name: str | None = None
    fields: dict[str, str] = field(default_factory=dict)


@contextmanager
def held(memory: Memory) -> Iterator["Held"]:
    """Counts the bytes of one upload against what all may hold, until the end of the `with`."""
    share = Held(memory)
    try:
        yield share
    finally:
        memory.give(share.count)


class Held:
    """One upload's share of the memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.count = memory, 0

    def grow_to(self, count: int) -> None:
        """Raises Problem 503 where it does not fit."""
        if count > self.count:
            self._memory.take(count - self.count)
            self.count = count


async def read_upload(request: Request, config: ServerConfig, share: Held) -> Upload:
    """Read a multipart form with one file, or any other body as the audio itself.

    Raises:
        Problem: 400 malformed, 408 too slow, 413 too large, 415 compressed, 503 no memory.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise Problem(415, "compressed_body", "bodies with a Content-Encoding are not taken; send the file as it is")
    kind, parameters = parse_options_header(request.headers.get("content-type"))
    multipart = kind == b"multipart/form-data"
    most = config.max_upload + (_OVERHEAD if multipart else 0)
    length = _declared(request)
    if length is not None:
        if length > most:
            raise too_large(config)
        share.grow_to(length)
    pieces = _pieces(request, config, share, most)
    if multipart:
        upload = await _read_form(pieces, parameters.get(b"boundary", b""))
    else:
        upload = Upload(await _read_raw(pieces))
    if not upload.audio:
        raise Problem(
            400,
            "no_audio",
            "the body holds no audio: send the file's bytes, or a multipart form with the file in the field `file`",
        )
    if len(upload.audio) > config.max_upload:
        raise too_large(config)
    return upload


def too_large(config: ServerConfig) -> Problem:
    """413: too many bytes."""
    return Problem(
        413,
        "too_large",
        f"the recording is larger than {config.max_upload} bytes, the most here; "
        "cut it into pieces, or send it as FLAC, Opus or MP3",
    )


def _declared(request: Request) -> int | None:
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Problem(400, "bad_request", "Content-Length is not a number")
    return int(text[:20])


async def _pieces(request: Request, config: ServerConfig, share: Held, most: int) -> AsyncIterator[bytes]:
    """The body as it comes; slow senders and those beyond the limits are stopped."""
    count = 0
    stream = request.stream()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + config.body_timeout
    while True:
        patience = min(config.body_idle, deadline - loop.time())
        try:
            async with asyncio.timeout(max(0.0, patience)):
                piece = await anext(stream, None)
        except TimeoutError as error:
            raise Problem(408, "too_slow", "the body came too slowly; send it again over a better line") from error
        except ClientDisconnect as error:
            raise Problem(400, "cut_off", "the connection ended before the body was complete") from error
        if piece is None:
            return
        count += len(piece)
        if count > most:
            raise too_large(config)
        share.grow_to(count)
        if piece:
            yield piece


async def _read_raw(pieces: AsyncIterator[bytes]) -> bytes:
    body = io.BytesIO()
    async for piece in pieces:
        body.write(piece)
    return body.getvalue()  # shares its buffer: no second copy


async def _read_form(pieces: AsyncIterator[bytes], boundary: bytes) -> Upload:
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for piece in pieces:
            parser.write(piece)
            if form.ended:
                continue  # what follows the last boundary is ignored, but read
        parser.finalize()
    except FormParserError as error:
        raise Problem(400, "bad_form", "the multipart form is malformed; check its boundary and headers") from error
    if not form.ended:
        raise Problem(400, "bad_form", "the multipart form ends before its last boundary")
    return form.upload()


class _Form:
    """Collects what the parser calls out."""

    def __init__(self) -> None:
        self.ended = False
        self._file: tuple[str | None, bytes] | None = None
        self._fields: dict[str, str] = {}
        self._count = 0
        self._header, self._value = b"", b""
        self._disposition: dict[bytes, bytes] = {}
        self._body = io.BytesIO()

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._on_header,
            "on_header_value": self._on_value,
            "on_header_end": self._on_header_end,
            "on_part_data": self._on_data,
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def upload(self) -> Upload:
        name, audio = self._file or (None, b"")
        return Upload(audio, name, self._fields)

    def _begin(self) -> None:
        self._count += 1
        if self._count > _MOST_PARTS:
            raise Problem(400, "bad_form", f"the form has more than {_MOST_PARTS} parts")
        self._disposition, self._body = {}, io.BytesIO()
        self._header = self._value = b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, self._disposition = parse_options_header(self._value)
        if self._header.lower() == b"content-transfer-encoding" and self._value.strip().lower() not in (
            b"binary",
            b"8bit",
            b"7bit",
        ):
            raise Problem(400, "bad_form", "a part has a Content-Transfer-Encoding; send the file as it is")
        self._header = self._value = b""

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._body.write(memoryview(data)[start:end])
        if not self._is_file() and self._body.tell() > _LONGEST_FIELD:
            raise Problem(400, "bad_form", f"a form field is longer than {_LONGEST_FIELD} bytes")

    def _is_file(self) -> bool:
        return b"filename" in self._disposition or self._disposition.get(b"name") == b"file"

    def _end(self) -> None:
        if self._is_file():
            if self._file is not None:
                raise Problem(400, "bad_form", "the form has more than one file; send one recording a request")
            self._file = _text(self._disposition.get(b"filename", b"")) or None, self._body.getvalue()
            return
        name = _text(self._disposition.get(b"name", b""))
        if not name or name in self._fields:
            raise Problem(400, "bad_form", "a form field has no name, or comes twice")
        self._fields[name] = _text(self._body.getvalue())

    def _finish(self) -> None:
        self.ended = True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
