import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakemamba.audio import windows


@st.composite
def cuts(draw):
    """(length, hop, pieces): any stream of up to 200 samples in any pieces, empty ones included."""
    length = draw(st.integers(1, 50))
    hop = draw(st.integers(1, length))
    sizes = draw(st.lists(st.integers(0, 60), max_size=8))
    wave = np.arange(sum(sizes), dtype=np.float32)
    return length, hop, np.split(wave, np.cumsum(sizes)[:-1]) if sizes else []


@given(cuts())
def test_any_chunking_gives_the_same_windows(cut):
    length, hop, pieces = cut
    whole = np.concatenate([np.zeros(0, np.float32), *pieces])
    streamed, at_once = list(windows(iter(pieces), length, hop)), list(windows([whole], length, hop))
    assert [start for start, _ in streamed] == [start for start, _ in at_once]
    for (start, wave), (_, other) in zip(streamed, at_once, strict=True):
        np.testing.assert_array_equal(wave, whole[start : start + length])
        np.testing.assert_array_equal(wave, other)


@given(cuts())
def test_every_sample_is_covered_and_the_last_window_ends_the_audio(cut):
    length, hop, pieces = cut
    total = sum(map(len, pieces))
    found = list(windows(pieces, length, hop))
    covered = {i for start, wave in found for i in range(start, start + len(wave))}
    assert covered == set(range(total))
    if total:
        assert found[-1][0] + len(found[-1][1]) == total
    if total >= length:
        assert all(len(wave) == length for _, wave in found)
        assert [start for start, _ in found[:-1]] == list(range(0, (len(found) - 1) * hop, hop))
        assert len(found) == 1 + -(-(total - length) // hop), "no window more than needed"
    elif total:
        assert len(found) == 1


def test_by_hand():
    assert [(start, list(wave)) for start, wave in windows([np.arange(7, dtype=np.float32)], 4, 2)] == [
        (0, [0, 1, 2, 3]),
        (2, [2, 3, 4, 5]),
        (3, [3, 4, 5, 6]),
    ]
    assert [(start, len(wave)) for start, wave in windows([np.zeros(3, np.float32)], 4, 2)] == [(0, 3)]
    assert list(windows([], 4, 2)) == []


def test_a_window_may_be_changed_without_harm():
    found = []
    for start, wave in windows([np.arange(7, dtype=np.float32)], 4, 4):
        found.append((start, wave.copy()))
        wave[:] = -1
    np.testing.assert_array_equal(found[1][1], [3, 4, 5, 6])


def test_windows_come_as_soon_as_they_are_complete():
    def blocks():
        yield np.zeros(4, np.float32)
        raise AssertionError("read ahead")

    assert next(windows(blocks(), 4, 2))[0] == 0


@pytest.mark.parametrize("hop", [0, -1, 5])
def test_hops_that_would_lose_samples(hop):
    with pytest.raises(ValueError, match="hop must be between 1 and the window's 4 samples"):
        list(windows([np.zeros(9, np.float32)], 4, hop))
