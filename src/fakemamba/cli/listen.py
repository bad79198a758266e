"""`fakemamba listen`: judge a microphone, a pipe or a recording while it runs."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fakemamba.cli.options import RUN, Model, OperatingPoint, Precision, Threads

if TYPE_CHECKING:
    from fakemamba.audio.pcm import PcmFormat
    from fakemamba.cli.meter import View
    from fakemamba.cli.sources import Block
    from fakemamba.stream import End, Stream

_OUT, _IN = "Output", "Sound"
_STDIN = "-"
T = TypeVar("T")


def listen(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[- | FILE]", help="- for PCM or WAV from the standard input; nothing: the microphone."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line an event.", rich_help_panel=_OUT)] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every score, not changes only.", rich_help_panel=_OUT)
    ] = False,
    fail_on_fake: Annotated[bool, typer.Option("--fail-on-fake", help="Exit with 1 if a fake was found.")] = False,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", help="Of raw samples; 16000 if not given.", rich_help_panel=_IN)
    ] = None,
    sample_format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="s16le|f32le|mulaw|…",
            help="Of raw samples, as FFmpeg names it; s16le if not given.",
            rich_help_panel=_IN,
        ),
    ] = None,
    channels: Annotated[int | None, typer.Option(help="Of raw samples; 1 if not given.", rich_help_panel=_IN)] = None,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Play a FILE at the speed of life.", rich_help_panel=_IN)
    ] = False,
    device: Annotated[
        str | None, typer.Option(metavar="NUMBER|NAME", help="Which microphone.", rich_help_panel=_IN)
    ] = None,
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="List the microphones and exit.", rich_help_panel=_IN)
    ] = False,
    seconds: Annotated[float | None, typer.Option(help="Stop after that much sound.", rich_help_panel=_IN)] = None,
    hop: Annotated[
        float | None, typer.Option(help="Seconds between two scores; 0.5 if not given.", rich_help_panel=RUN)
    ] = None,
    model: Model = None,
    threshold: Annotated[
        float | None, typer.Option(help="As for detect: higher finds more fakes.", rich_help_panel=RUN)
    ] = None,
    operating_point: OperatingPoint = None,
    threads: Threads = None,
    run_on: Annotated[
        str | None,
        typer.Option("--run-on", metavar="cpu|cuda|mps", help="Where a torch model runs.", rich_help_panel=RUN),
    ] = None,
    precision: Precision = None,
) -> None:
    """Say while it runs whether a voice is real, fake or unsure, and when that changes.

    Examples:

      fakemamba listen

      ffmpeg -re -i call.mp3 -f s16le -ac 1 -ar 16000 - | fakemamba listen - --json

      fakemamba listen interview.wav --real-time

    Ctrl-C ends with a summary. Exit codes: 0 done, 1 a fake was found (with --fail-on-fake), 2 something could not be
    heard, 3 a bug, 130 interrupted before the end of a file or pipe.
    """
    from fakemamba.cli import sources
    from fakemamba.config import parse
    from fakemamba.detect import load
    from fakemamba.stream import StreamConfig

    if list_devices:
        typer.echo("\n".join(sources.devices()) or "no microphone was found")
        return
    raw = _raw_format(source, rate, sample_format, channels)
    _check(source, seconds, device=device, real_time=real_time)
    given = {"hop": hop} if hop is not None else {}
    config = parse(StreamConfig, given, "listen")
    detector = load(
        model, run_on, threads=threads, threshold=threshold, operating_point=operating_point, precision=precision
    )
    stream = detector.stream(config)
    with _interrupt() as interrupt:
        if source == _STDIN:
            blocks = sources.stdin_blocks(raw, interrupt.waiting)
        elif source is not None:
            blocks = sources.file_blocks(source, real_time=real_time, stop=interrupt.stop)
        else:
            blocks = sources.microphone_blocks(device, stop=interrupt.stop)
        with closing(blocks):
            end = _hear(stream, blocks, _view(json=json, verbose=verbose), interrupt, seconds)
    if fail_on_fake and (end.verdict == "fake" or end.fakes):
        raise typer.Exit(1)
    if interrupt.stop() and source is not None:
        raise typer.Exit(130)


def _hear(
    stream: "Stream", blocks: "Iterator[Block]", view: "View", interrupt: "_Interrupt", seconds: float | None
) -> "End":
    """Feed block after block until the sound ends, Ctrl-C, or `seconds`; show what comes of it."""
    try:
        try:
            for block in blocks:
                if interrupt.stop():
                    break
                if block.dropped:
                    view.dropped(stream.time, block.dropped)
                for event in stream.feed(block.samples, block.rate):
                    view.event(event)
                view.block(block, stream.time)
                if seconds is not None and stream.time >= seconds:
                    break
        except _Stopped:
            pass  # while it waited for sound
        events = stream.end()
        for event in events:
            view.event(event)
    finally:
        view.close()
    last = events[-1]
    assert last.event == "end"
    return last  # type: ignore[return-value]


def _view(*, json: bool, verbose: bool) -> "View":
    import sys

    from fakemamba.cli.meter import JsonLines, Meter, PlainLines

    if json:
        return JsonLines()
    return Meter(verbose=verbose) if sys.stdout.isatty() else PlainLines(verbose=verbose)


def _raw_format(
    source: str | None, rate: int | None, sample_format: str | None, channels: int | None
) -> "PcmFormat | None":
    """The format of raw samples on stdin; None if nothing was said about it."""
    from fakemamba.audio.pcm import PcmFormat
    from fakemamba.errors import ConfigError

    if (rate, sample_format, channels) == (None, None, None):
        return None
    if source != _STDIN:
        raise ConfigError("--rate, --format and --channels tell of raw samples on the standard input: use them with -")
    return PcmFormat(sample_format or "s16le", 16_000 if rate is None else rate, 1 if channels is None else channels)


def _check(source: str | None, seconds: float | None, *, device: str | None, real_time: bool) -> None:
    from fakemamba.errors import ConfigError

    if source == "":
        raise ConfigError("the file's name is empty: is a shell variable not set?")
    if device is not None and source is not None:
        raise ConfigError("--device chooses a microphone: leave it out, or the file")
    if real_time and source in (None, _STDIN):
        raise ConfigError("--real-time plays a FILE at the speed of life; a microphone or pipe has its own")
    if seconds is not None and not seconds > 0:
        raise ConfigError(f"--seconds must be above 0, not {seconds}")


class _Stopped(Exception):  # noqa: N818 - no error
    """Ctrl-C while nothing was being judged."""


class _Interrupt:
    """Ctrl-C lets the model finish what it judges, so that the summary is whole; it ends waiting at once."""

    def __init__(self) -> None:
        self._asked = self._waits = False

    def stop(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._asked

    def waiting(self, read: Callable[[], T]) -> T:
        """Call what may wait for ever; raises _Stopped as soon as Ctrl-C is pressed."""
        self._waits = True
        try:
            if self._asked:
                raise _Stopped
            return read()
        finally:
            self._waits = False

    def press(self, *_: object) -> None:
        """Ctrl-C; the second one does not wait for anything."""
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
        if self._waits:
            raise _Stopped


@contextmanager
def _interrupt() -> Iterator[_Interrupt]:
    interrupt = _Interrupt()
    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread only
        yield interrupt
        return
    before = signal.signal(signal.SIGINT, interrupt.press)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
