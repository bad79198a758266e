"""FARGAN in numpy: how weights lie in memory, and that a batch is only a batch."""

import struct

import numpy as np
import pytest

from recipes.builtin.manifest import RATE
from recipes.builtin.vocoders import fargan

SIZES = {
    "cond_net_pembed": (12, 224), "cond_net_fdense1": (64, 32), "cond_net_fconv1": (128, 192),
    "cond_net_fdense2": (320, 128), "sig_net_cond_gain_dense": (1, 80), "sig_net_fwc0_conv": (192, 328),
    "sig_net_fwc0_glu_gate": (192, 192), "sig_net_gru1_input": (480, 272), "sig_net_gru1_recurrent": (480, 160),
    "sig_net_gru2_input": (384, 240), "sig_net_gru2_recurrent": (384, 128), "sig_net_gru3_input": (384, 208),
    "sig_net_gru3_recurrent": (384, 128), "sig_net_gru1_glu_gate": (160, 160), "sig_net_gru2_glu_gate": (128, 128),
    "sig_net_gru3_glu_gate": (128, 128), "sig_net_skip_glu_gate": (128, 128), "sig_net_skip_dense": (128, 688),
    "sig_net_sig_dense_out": (40, 128), "sig_net_gain_dense_out": (4, 192),
}  # fmt: skip


def tiny() -> fargan.Fargan:
    rng = np.random.default_rng(0)
    return fargan.Fargan({name: rng.normal(0, 0.05, size).astype(np.float32) for name, size in SIZES.items()})


def test_weights_are_found_by_their_table() -> None:
    names, data = b"sig_net_x_bias\0cond_net_y_scale\0\0\0", struct.pack("<2f", 1.5, -2.0)
    table_at = 64 + len(data)
    table = struct.pack("<IIII", 64 - 36, 0, 8, 64) + struct.pack("<IIII", 64 - 36 + 15, 9, 8, 64)
    memory = bytes(64 - 36) + names.ljust(36, b"\0") + data + table
    assert memory[table_at:] == table
    found = fargan.arrays(memory.ljust(256, b"\0"))
    assert found == {"sig_net_x_bias": data}  # a type of 9 is no weight


def test_eight_bit_matrices_come_in_blocks() -> None:
    matrix = np.random.default_rng(0).integers(-100, 100, (16, 12)).astype(np.int8)
    blocks = matrix.reshape(2, 8, 3, 4).transpose(0, 2, 1, 3)
    scale = np.arange(1, 17, dtype=np.float32) / 127
    found = fargan.read_layers({"a_weights_int8": blocks.tobytes(), "a_scale": scale.tobytes()})
    np.testing.assert_allclose(found["a"], matrix * np.arange(1, 17)[:, None], rtol=1e-5)


def test_float_matrices_come_by_columns() -> None:
    matrix = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = fargan.read_layers({"a_weights_float": matrix.T.tobytes(), "a_bias": bytes(8)})
    np.testing.assert_array_equal(found["a"], matrix)
    assert found["a.bias"].shape == (2,)


def test_features_tell_pitch_and_loudness() -> None:
    pytest.importorskip("pyworld", reason="pitch comes from WORLD, in the extra 'recipes'")
    t = np.arange(RATE) / RATE
    wave = sum(np.sin(2 * np.pi * 200 * k * t) / k for k in range(1, 20)).astype(np.float32) * 0.1
    made = fargan.features(wave)
    assert made.shape == (100, 20)
    period = 256 / 2.0 ** (made[20:80, 18] + 1.5)
    np.testing.assert_allclose(period, 80, rtol=0.03)
    assert (made[20:80, 19] > 0.3).all()
    quieter = fargan.features(wave * np.float32(0.1))
    # 20 dB are 2 in each band's logarithm, all of it in the first cepstrum.
    np.testing.assert_allclose(made[20:80, 0] - quieter[20:80, 0], 2 * np.sqrt(18), atol=1.5)


def test_a_clip_sounds_alike_alone_and_in_a_batch() -> None:
    given = np.random.default_rng(1).normal(0, 0.3, (3, 6, 20)).astype(np.float32)
    net = tiny()
    together = net(given)
    assert together.shape == (3, 6 * 160)
    np.testing.assert_allclose(net(given[1:2])[0], together[1], atol=1e-5)


def test_predicted_features_are_smoother_and_in_range() -> None:
    given = np.random.default_rng(1).normal(0, 1, (50, 20)).astype(np.float32)
    made = fargan.predicted(given, np.random.default_rng(0))
    assert float(np.abs(np.diff(made[:, :18], axis=0)).mean()) < float(np.abs(np.diff(given[:, :18], axis=0)).mean())
    assert float(np.abs(made[:, 18]).max()) <= 1.5


def test_a_disturbed_network_is_near_the_first_and_another() -> None:
    layers = {
        "a": np.random.default_rng(0).normal(0, 1, (64, 64)).astype(np.float32),
        "a.bias": np.ones(64, np.float32),
    }
    made = fargan.disturbed(layers, np.random.default_rng(1))
    off = float((made["a"] - layers["a"]).std())
    assert 0.015 < off < 0.07
    np.testing.assert_array_equal(made["a.bias"], layers["a.bias"])
