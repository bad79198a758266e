"""Three hours go through in the memory of a few seconds."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
from audio_makers import encoded

from fakemamba.audio import load_audio, open_audio


class LongWav(io.RawIOBase):
    """A WAV of any length that exists only where it is read: a header, then one block over and over."""

    def __init__(self, seconds, rate, channels):
        align = 2 * channels
        size = seconds * rate * align
        form = struct.pack("<HHIIHH", 1, channels, rate, rate * align, align, 16)
        self.head = b"RIFF" + struct.pack("<I", min(36 + size, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16)
        self.head += form + b"data" + struct.pack("<I", size)
        self.size, self.position = len(self.head) + size, 0

    def seekable(self):
        return True

    def readable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position

    def tell(self):
        return self.position

    def read(self, size=-1):
        end = min(self.size, self.position + size)
        data = self.head[self.position : end]
        data += bytes(end - self.position - len(data))
        self.position = end
        return data


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (48_000, 2)])
def test_three_hours_in_bounded_memory(rate, channels):
    hours = LongWav(3 * 3600, rate, channels)
    with open_audio(hours) as stream:
        assert stream.duration == 3 * 3600
        blocks = stream.blocks(10.0)
        next(blocks)
        tracemalloc.start()
        count = 160_000
        for number, block in enumerate(blocks):
            count += len(block)
            if rate > 16_000 and number == 300:  # 50 minutes show it as well
                hours.position = hours.size
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert count >= 160_000 * 300
    assert peak < 12 * 2**20


def test_a_small_file_that_unpacks_to_hours():
    data = encoded(np.zeros(3600 * 16_000, np.int16), container="FLAC")
    assert len(data) < 2**20
    with open_audio(data) as stream:
        tracemalloc.start()
        assert sum(map(len, stream.blocks())) == 3600 * 16_000
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
        tracemalloc.stop()


def test_many_channels_at_a_high_rate_stay_small():
    with open_audio(LongWav(20, 192_000, 64)) as stream:
        tracemalloc.start()
        assert sum(map(len, stream.blocks(1.0))) == 20 * 16_000
        assert tracemalloc.get_traced_memory()[1] < 12 * 2**20
        tracemalloc.stop()
    assert len(load_audio(LongWav(1, 8_000, 8))) == 16_000
