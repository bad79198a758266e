import numpy as np
import pytest
from audio_makers import RATE, tone

from fakemamba.audio import load_audio
from fakemamba.errors import AudioError


@pytest.mark.parametrize(
    ("dtype", "half"), [("int8", 64), ("int16", 2**14), ("int32", 2**30), ("uint8", 192), ("uint16", 49152)]
)
def test_integers_are_scaled_by_their_full_range(dtype, half):
    np.testing.assert_array_equal(load_audio((np.full(100, half, dtype), RATE)), np.full(100, 0.5, np.float32))
    lowest = np.iinfo(dtype).min
    np.testing.assert_array_equal(load_audio((np.full(100, lowest, dtype), RATE)), np.full(100, -1.0, np.float32))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_floats_are_taken_as_they_are(dtype):
    np.testing.assert_allclose(load_audio((tone().astype(dtype), RATE)), tone(), atol=2e-4)


def test_the_smaller_dimension_is_the_channels():
    left, right = tone(hertz=300), tone(hertz=500)
    expected = (left + right) / 2
    np.testing.assert_allclose(load_audio((np.stack([left, right]), RATE)), expected, atol=1e-7)
    np.testing.assert_allclose(load_audio((np.stack([left, right], 1), RATE)), expected, atol=1e-7)
    for mono in (left[None], left[:, None]):
        np.testing.assert_array_equal(load_audio((mono, RATE)), left)
    square = np.array([[0.5, 0.1], [0.2, 0.4]], np.float32)
    np.testing.assert_allclose(load_audio((square, RATE)), [0.3, 0.3], atol=1e-7)


def test_the_callers_array_is_not_changed_and_strides_do_not_matter():
    samples = tone(2.0)[::2]
    before = samples.copy()
    wave = load_audio((samples, RATE))
    wave[:] = 0
    np.testing.assert_array_equal(samples, before)


def test_rates_may_be_numpy_or_whole_floats():
    for rate in (np.int64(RATE), np.float32(RATE), 16_000.0):
        assert len(load_audio((tone(), rate))) == RATE


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ((16_000, tone()), "wrong way round"),
        ((tone(),), "tuple of 1"),
        ((tone(), RATE, "x"), "tuple of 3"),
        ((tone(), "16000"), "sample rate is a str"),
        ((tone(), True), "sample rate is a bool"),
        ((tone(), 16_000.5), "not a whole number"),
        ((tone(), float("nan")), "not a whole number"),
        ((tone(), 0), "0 Hz is too low"),
        ((tone(), -16_000), "too low"),
        ((np.zeros(0), RATE), "no samples"),
        ((np.zeros((0, 2)), RATE), "no samples"),
        ((np.zeros((2, 3, 4)), RATE), r"shape \(2, 3, 4\)"),
        ((np.float32(0.5), RATE), r"shape \(\)"),
        ((np.zeros((500, 400)), RATE), "400 channels"),
        ((np.zeros(9, bool), RATE), "type bool"),
        ((np.zeros(9, complex), RATE), "type complex128"),
        ((np.array(["a"]), RATE), "type <U1"),
        (([[1.0], [1.0, 2.0]], RATE), "cannot become a numpy array"),
        ((np.zeros(9, np.int64), RATE), "no audio full scale"),
        ((np.full(9, 1e300), RATE), "NaN or infinite"),
    ],
)
def test_what_is_no_audio_is_explained(source, said):
    with pytest.raises(AudioError, match=said):
        load_audio(source)
