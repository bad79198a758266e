"""Where audio comes from: a path, bytes or a file object becomes one seekable `Handle` that never surprises C code."""

import io
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from fakemamba.audio.sniff import HEAD, sniff
from fakemamba.errors import AudioError

Source = str | Path | bytes | BinaryIO | tuple[np.ndarray[Any, Any], int]

SPOOL_MEMORY = 32 * 2**20  # what a pipe may keep in memory before it goes to a temporary file
SPOOL_LIMIT = 8 * 2**30  # bytes; more than 3 hours of 32-bit stereo at 48 kHz


class Handle:
    """A seekable binary file for libsndfile and FFmpeg.

    Their callbacks swallow exceptions (or print them), so this object remembers the first one, answers with the
    end of the file, and `check` raises it afterwards. It has no `name`: soundfile would believe its extension.
    """

    def __init__(self, file: IO[bytes], label: str, *, owned: bool) -> None:
        self.label = label
        self.size = 0
        self._file, self._owned = file, owned
        self._failure: BaseException | None = None
        self.size = self.seek(0, os.SEEK_END)
        self.seek(0)
        self.check()

    def read(self, count: int = -1) -> bytes:
        try:
            return self._file.read(count) or b""
        except BaseException as error:  # noqa: BLE001 - raised again by check(), Ctrl-C included
            self._fail(error)
            return b""

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            self._file.seek(offset, whence)
        except BaseException as error:  # noqa: BLE001 - see read
            self._fail(error)
        return self.tell()

    def tell(self) -> int:
        try:
            return self._file.tell()
        except BaseException as error:  # noqa: BLE001 - see read
            self._fail(error)
            return 0

    def part(self, offset: int, count: int) -> bytes:
        """`count` bytes from `offset`, fewer at the end; the position moves."""
        self.seek(offset)
        return self.read(count)

    def check(self) -> None:
        """Raise what went wrong inside a callback: AudioError, or the interrupt itself."""
        failure, self._failure = self._failure, None
        if isinstance(failure, Exception):
            raise AudioError(f"{self.label}: reading failed ({reason(failure)})") from failure
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Close what was opened here; a caller's own file object stays open."""
        if self._owned:
            self._file.close()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error


def reason(error: BaseException) -> str:
    """The shortest honest text of an exception, on one line."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    return printable(text)


def printable(name: str, longest: int = 200) -> str:
    """`name` for a one-line message: control characters and undecodable bytes escaped, the middle of a long one cut."""
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in name)
    if len(text) > longest:
        half = longest // 2
        text = f"{text[:half]}…{text[-half:]}"
    return text


def name_of(source: Any) -> str:
    """What to call a source in messages and reports."""
    if isinstance(source, (str, Path)):
        return printable(str(source)) or "''"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return "<bytes>"
    if isinstance(source, tuple):
        return "<array>"
    name = getattr(source, "name", None)
    return printable(name) if isinstance(name, str) and name else "<file>"


def open_handle(source: Any) -> Handle:
    """Open a path, bytes or a binary file object; anything else, and whatever the system refuses, is an AudioError."""
    name = name_of(source)
    if isinstance(source, (str, Path)):
        return _open_path(source, name)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _not_empty(Handle(io.BytesIO(source), name, owned=True))
    if isinstance(source, io.TextIOBase):
        raise AudioError(f"{name}: the file object is in text mode; open it with mode 'rb' (stdin: sys.stdin.buffer)")
    if not callable(getattr(source, "read", None)):
        kind = type(source).__name__
        raise AudioError(f"audio cannot come from a {kind}; give a path, bytes, a binary file or (array, sample_rate)")
    if _seekable(source):
        return _not_empty(Handle(source, name, owned=False))
    return _spool(source, name)


def _open_path(source: str | Path, name: str) -> Handle:
    if isinstance(source, str) and source.startswith(("http://", "https://", "s3://", "gs://")):
        raise AudioError(f"{name}: is an address on the net, not a file; download it first")
    if source == "":
        raise AudioError("the path of the audio is empty; give a file's path")
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 - keeps a str a str, so that its bytes survive
        if stat.S_ISDIR(mode):
            raise AudioError(f"{name}: is a directory; give a file in it")
        if stat.S_ISFIFO(mode):
            return _open_fifo(source, name)
        if not stat.S_ISREG(mode):
            raise AudioError(f"{name}: is a device or a socket, not an audio file; save the sound to a file first")
        file = open(source, "rb")  # noqa: PTH123, SIM115 - the Handle owns it
    except (OSError, ValueError) as error:
        raise AudioError(f"{name}: {_advice(error, source)}") from error
    return _not_empty(Handle(file, name, owned=True))


def _advice(error: OSError | ValueError, source: str | Path) -> str:
    if isinstance(error, FileNotFoundError):
        link = os.path.islink(source)  # noqa: PTH114 - see _open_path
        return "is a link to a file that does not exist" if link else "no such file; check the path"
    if isinstance(error, PermissionError):
        return "no permission to read it; run as its owner or change its mode"
    if isinstance(error, ValueError):
        return "is not a possible path (it holds a NUL character)"
    return f"cannot be opened ({reason(error)})"


def _open_fifo(source: str | Path, name: str) -> Handle:
    """A named pipe or the shell's <(command): fine while somebody writes, otherwise it would wait for ever."""
    fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK)
    with open(fd, "rb", buffering=0) as file:  # noqa: PTH123 - from a descriptor
        try:
            first = os.read(fd, HEAD)
        except BlockingIOError:
            first = None  # a writer that has not written yet
        if first == b"":
            raise AudioError(f"{name}: is a pipe that nobody writes to; start the writer first, or give a file")
        os.set_blocking(fd, True)
        return _spool(file, name, first or b"")


def _seekable(file: Any) -> bool:
    try:
        if hasattr(file, "seekable"):
            return bool(file.seekable())
        file.seek(file.tell())
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _spool(file: Any, name: str, first: bytes = b"") -> Handle:
    """Keep what comes through a pipe, in memory or on disk, because the formats' headers need seeking."""
    spool = tempfile.SpooledTemporaryFile(max_size=SPOOL_MEMORY)  # noqa: SIM115 - the Handle owns it
    try:
        spool.write(first)
        sniffed = False
        while chunk := file.read(2**20):
            if isinstance(chunk, str):
                raise AudioError(f"{name}: the file object is in text mode; open it with mode 'rb'")
            spool.write(chunk)
            if not sniffed and spool.tell() >= HEAD:
                sniffed = True
                _refuse_early(spool, name)
            if spool.tell() > SPOOL_LIMIT:
                raise AudioError(f"{name}: more than {SPOOL_LIMIT >> 30} GiB through a pipe; save it to a file first")
    except OSError as error:
        spool.close()
        raise AudioError(f"{name}: reading failed ({reason(error)})") from error
    except AudioError:
        spool.close()
        raise
    return _not_empty(Handle(spool, name, owned=True))


def _refuse_early(spool: IO[bytes], name: str) -> None:
    """Text or an archive without end need not be read to its end."""
    position = spool.tell()
    spool.seek(0)
    kind = sniff(spool.read(HEAD))
    spool.seek(position)
    if kind.family == "other":
        raise AudioError(f"{name}: not audio that can be read (looks like {kind.name})")


def _not_empty(handle: Handle) -> Handle:
    if handle.size == 0:
        handle.close()
        raise AudioError(f"{handle.label}: is empty (0 bytes); nothing was recorded or copied")
    return handle
