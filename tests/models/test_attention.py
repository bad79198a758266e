"""Attention by torch's fused kernel against its slow twin, written out: outputs and every gradient, with padding."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakemamba.models.conformer import FARTHEST, RelativeAttention
from fakemamba.models.xlsr import _Attention

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 2e-2}
WIDTH, HEADS, FRAMES = 32, 4, 37
OWN = torch.tensor([37, 20, 1])  # frames of each clip; the last has one


def plain(attention: _Attention, x: Tensor, keys: Tensor | None) -> Tensor:
    """softmax(q k^T / sqrt(d) - infinity where a key is padding) v, head by head."""
    q, k, v = (
        proj(x).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for proj in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    logits = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if keys is not None:
        logits = logits.masked_fill(~keys[:, None, None], -math.inf)
    out: Tensor = attention.out_proj((logits.softmax(-1) @ v).transpose(1, 2).flatten(2))
    return out


def relative(attention: RelativeAttention, x: Tensor, keys: Tensor | None) -> Tensor:
    """The same with q . r(i - j) / sqrt(d) added to each logit, an embedding for every pair of frames."""
    parts = (attention.to_q(x), *attention.to_kv(x).chunk(2, dim=-1))
    q, k, v = (part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in parts)
    steps = torch.arange(x.shape[1])
    embedded = attention.rel_pos_emb((steps[:, None] - steps[None]).clamp(-FARTHEST, FARTHEST) + FARTHEST)  # (T, T, d)
    logits = (q @ k.transpose(-1, -2) + torch.einsum("bhid,ijd->bhij", q, embedded)) / math.sqrt(q.shape[-1])
    if keys is not None:
        logits = logits.masked_fill(~keys[:, None, None], -math.inf)
    out: Tensor = attention.to_out((logits.softmax(-1) @ v).transpose(1, 2).flatten(2))
    return out


TWINS = {"xlsr": plain, "relative": relative}


def made(kind: str, dtype: torch.dtype) -> tuple[torch.nn.Module, Tensor]:
    torch.manual_seed(0)
    fast = _Attention(WIDTH, HEADS, 0.0) if kind == "xlsr" else RelativeAttention(WIDTH, HEADS, WIDTH // HEADS)
    return fast.to(dtype), torch.randn(len(OWN), FRAMES, WIDTH, dtype=dtype)


def keys_of(padded: bool) -> Tensor | None:
    return torch.arange(FRAMES)[None] < OWN[:, None] if padded else None


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
@pytest.mark.parametrize("kind", ["xlsr", "relative"])
def test_attention_equals_its_slow_twin(kind: str, padded: bool, dtype: torch.dtype):
    found = {}
    for name in ("fast", "slow"):
        attention, x = made(kind, dtype)
        x.requires_grad_()
        keys = keys_of(padded)
        y = attention(x, keys) if name == "fast" else TWINS[kind](attention, x, keys)
        own = y if keys is None else y[keys]
        own.square().sum().backward()
        weights = torch.cat(
            [p.grad.flatten() for p in attention.parameters()]
        )  # that of k_proj.bias is zero: one scale
        found[name] = {"y": own.detach(), "x": x.grad, "weights": weights}
    for key, wanted in found["slow"].items():
        assert (found["fast"][key] - wanted).abs().max() < TOLERANCE[dtype] * wanted.abs().max(), key


@pytest.mark.parametrize("kind", ["xlsr", "relative"])
@pytest.mark.parametrize("padded", [False, True], ids=["whole", "padded"])
def test_it_is_the_fused_kernel_that_gets_the_mask(kind: str, padded: bool, monkeypatch):
    given = []
    kernel = F.scaled_dot_product_attention

    def watched(*parts: Tensor, **options: Tensor | None) -> Tensor:
        given.append(options["attn_mask"])
        return kernel(*parts, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", watched)
    attention, x = made(kind, torch.float32)
    attention(x, keys_of(padded))
    [mask] = given
    hidden = None if mask is None else mask == (False if mask.dtype == torch.bool else -math.inf)
    if padded:
        assert torch.equal(hidden.expand(len(OWN), HEADS, FRAMES, FRAMES)[:, 0, 0], ~keys_of(True))
    else:
        assert hidden is None or not hidden.any()


@pytest.mark.parametrize("kind", ["xlsr", "relative"])
def test_what_lies_in_the_padding_is_not_heard(kind: str):
    attention, x = made(kind, torch.float32)
    keys = keys_of(True)
    other = torch.where(keys[:, :, None], x, 1e4)
    with torch.no_grad():
        torch.testing.assert_close(attention(other, keys)[keys], attention(x, keys)[keys])
