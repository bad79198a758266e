"""Live chunks become 16 kHz as a whole file does, and leave no trace of where they were cut."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from fakemamba.audio.intake import Intake
from fakes import speech


def taken(wave, cuts, rate):
    intake = Intake()
    out = [intake.add(chunk, rate) for chunk in np.split(wave, sorted(cuts))]
    return np.concatenate([*out, intake.flush()])


def same(ours, whole):
    """Before its begin and behind its end the two imagine a recording differently: 10 ms there may differ a little."""
    count = min(len(ours), len(whole))
    np.testing.assert_allclose(ours[:count], whole[:count], atol=2e-3)
    np.testing.assert_allclose(ours[160 : count - 160], whole[160 : count - 160], atol=1e-5)


@pytest.mark.parametrize("rate", [4_000, 8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_blocks_are_resampled_as_the_whole(rate):
    wave = soxr.resample(speech(1.7), 16_000, rate, quality="VHQ")
    ours, whole = taken(wave, [], rate), soxr.resample(wave, rate, 16_000, quality="HQ")
    assert len(ours) == pytest.approx(1.7 * 16_000, abs=1)
    same(ours, whole)


def test_a_rate_without_a_common_factor_works_too():
    wave = soxr.resample(speech(3.5), 16_000, 44_101, quality="VHQ")
    whole = soxr.resample(wave, 44_101, 16_000, quality="HQ")
    same(taken(wave, [5, 99_999], 44_101), whole)


@given(st.lists(st.integers(0, 30_000), max_size=6), st.sampled_from([8_000, 16_000, 22_050, 44_100]))
@settings(max_examples=40)
def test_where_chunks_end_changes_no_bit(cuts, rate):
    wave = 0.2 * np.random.default_rng(1).standard_normal(30_000).astype(np.float32)
    np.testing.assert_array_equal(taken(wave, cuts, rate), taken(wave, [], rate))


def test_the_delay_is_below_a_tenth_of_a_second():
    for rate in (8_000, 44_100, 48_000):
        intake = Intake()
        assert len(intake.add(np.zeros(rate, np.float32), rate)) >= 0.9 * 16_000


def test_types_and_channels_are_brought_to_one_scale():
    wave = speech(0.5)
    whole = np.round(wave * 32767).astype(np.int16)
    expected = (whole / 32768).astype(np.float32)
    for chunk in (
        whole,
        whole.astype(np.int32) << 16,
        whole / 32768,
        whole[:, None],
        np.stack([whole, whole], axis=1),
        np.stack([2 * (whole / 32768), 0 * whole], axis=1),
    ):
        np.testing.assert_allclose(Intake().add(chunk), expected, atol=1e-7)
    assert len(Intake().add([], 44_100)) == 0


def test_the_rate_may_change_on_the_way():
    wave = speech(2.0)
    intake = Intake()
    parts = [
        intake.add(soxr.resample(wave[:16_000], 16_000, 48_000), 48_000),
        intake.add(wave[16_000:], 16_000),
        intake.flush(),
    ]
    joined = np.concatenate(parts)
    assert len(joined) == 32_000
    assert np.abs(joined - wave)[200:15_800].max() < 0.02
    np.testing.assert_array_equal(joined[16_000:], wave[16_000:])
    assert intake.before == 1.0
