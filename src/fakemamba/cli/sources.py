"""Where `fakemamba listen` hears from: the standard input, a recording, or a microphone; all as blocks of samples."""

import queue
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from fakemamba.audio import SAMPLE_RATE, open_audio
from fakemamba.audio.pcm import PcmFormat, PcmParser
from fakemamba.cli.inputs import STDIN_NAME
from fakemamba.errors import AudioError, MissingExtraError
from fakemamba.scorer import FloatArray

BLOCK = 0.1  # seconds
_QUEUE = 50  # blocks that a microphone may be ahead of the model, 5 s; then they are dropped
_PIPE = 2**16  # bytes that are read at most at once
_PATIENCE = 0.2  # seconds between two looks whether to stop


@dataclass(frozen=True)
class Block:
    """What was heard next.

    Attributes:
        samples: (n, channels) or (n,); silence where blocks were dropped.
        rate: Hz.
        arrived: `time.monotonic()` when it was there.
        dropped: seconds of it that could not be kept.
    """

    samples: FloatArray
    rate: int
    arrived: float
    dropped: float = 0.0


# Called while a source waits for sound: True to end.
Stop = Callable[[], bool]


def stdin_blocks(raw: PcmFormat | None, waiting: Callable[[Callable[[], bytes]], bytes]) -> Generator[Block]:
    """PCM or WAV as it is piped in.

    Args:
        raw: the format of raw samples; None if the user did not say.
        waiting: calls what may wait for long, so that Ctrl-C can end it.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise AudioError(
            "stdin: nothing is piped into it; run  ffmpeg -i SOURCE -f wav - | fakemamba listen -  "
            "or leave the - out to hear the microphone"
        )
    parser = PcmParser(STDIN_NAME, raw)
    source: Any = sys.stdin.buffer
    read = getattr(source, "read1", source.read)
    while data := waiting(lambda: read(_PIPE)):
        samples = parser.feed(data)
        if parser.format is not None and len(samples):
            yield Block(samples, parser.format.rate, time.monotonic())
    parser.end()


def file_blocks(path: str, *, real_time: bool, stop: Stop) -> Generator[Block]:
    """A recording, as fast as it can be judged or at the speed at which it would be heard."""
    with open_audio(path) as stream:
        due = time.monotonic()
        for wave in stream.blocks(BLOCK):
            due += len(wave) / SAMPLE_RATE
            while real_time and not stop() and (left := due - time.monotonic()) > 0:
                time.sleep(min(left, _PATIENCE))
            yield Block(wave, SAMPLE_RATE, time.monotonic())


def microphone_blocks(device: str | None, *, stop: Stop) -> Generator[Block]:
    """What a sound card hears; blocks for which the model is too slow are dropped and become silence."""
    sd = sounddevice()
    blocks: queue.Queue[Block] = queue.Queue(_QUEUE)
    with _opened(sd, device, _keep_in(blocks)):
        while not stop():
            try:
                yield blocks.get(timeout=_PATIENCE)
            except queue.Empty:
                continue


def _keep_in(blocks: "queue.Queue[Block]") -> Callable[[FloatArray, int], None]:
    """What a sound card's thread calls with (n, channels) and a rate: never waits, counts what finds no place."""
    lost = 0.0

    def keep(samples: FloatArray, rate: int) -> None:
        nonlocal lost
        silence = np.zeros((round(lost * rate), samples.shape[1]), np.float32)
        block = Block(np.concatenate([silence, samples]), rate, time.monotonic(), lost)
        try:
            blocks.put_nowait(block)
            lost = 0.0
        except queue.Full:
            lost += len(samples) / rate

    return keep


@contextmanager
def _opened(sd: ModuleType, device: str | None, keep: Callable[[FloatArray, int], None]) -> Iterator[None]:
    """An open input; the device's own rate, as many refuse 16 kHz."""
    chosen = int(device) if device is not None and device.isdecimal() else device
    try:
        info = sd.query_devices(chosen, "input")
        rate = round(info["default_samplerate"])

        def heard(indata: FloatArray, _frames: int, _time: Any, _status: Any) -> None:
            keep(indata.copy(), rate)

        stream = sd.InputStream(
            device=chosen, channels=1, samplerate=rate, dtype="float32", blocksize=round(BLOCK * rate), callback=heard
        )
    except (sd.PortAudioError, ValueError) as error:
        which = "no microphone" if device is None else f"the input {device!r}"
        raise AudioError(
            f"{which} can be opened ({_first_line(error)}); see  fakemamba listen --list-devices, "
            "or pipe sound in:  fakemamba listen -"
        ) from error
    with stream:
        yield


def devices() -> list[str]:
    """One line for each input of the sound cards: number, name, channels and rate. Raises as `microphone_blocks`."""
    sd = sounddevice()
    return [
        f"{number}  {info['name']}  ({info['max_input_channels']} channels, {info['default_samplerate']:.0f} Hz)"
        for number, info in enumerate(sd.query_devices())
        if info["max_input_channels"] > 0
    ]


def sounddevice() -> ModuleType:
    """The library behind the microphone; raises MissingExtraError, or AudioError where PortAudio is missing."""
    try:
        import sounddevice as module
    except ImportError as error:
        raise MissingExtraError("the microphone", "live") from error
    except OSError as error:  # the Python package is there, the C library is not
        raise AudioError(
            f"the microphone: {_first_line(error)}; install PortAudio (Debian and Ubuntu: apt install libportaudio2)"
        ) from error
    found: ModuleType = module
    return found


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
