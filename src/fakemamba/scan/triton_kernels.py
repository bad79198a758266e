"""The forward kernel of the GPU scan: a block of channels with all of its states in registers, one frame after another.

A program is one warp, and a tile (states, channels) is spread over it so that a lane has one channel and all of its
states, or a part of them where blocks are narrow: sums over states need few shuffles or none. Both directions of a
clip go through time in the same program, one from either end, which hides the latency of one behind the work of the
other. Until they meet each leaves its sums in memory; from then on each finds the other's there, and adds and gates.
The next frame is read before the current one is computed.

Letters: R = ways * batch rows (the backward direction's after the forward ones), T frames, E = G * P channels in G
groups that share B and C, N states (NP: the next power of two), BE channels of a program. Layouts, all contiguous:

    frames (batch,) int64   u, delta (R, T, E)   B, C (R, G, T, N)   z, out, sums (batch, T, E)   D, bias (E,)
    A (N, E), times log2 e, as exp2 wants it   state, last (R, N, E)   marks (R, chunks of STEPS, N, E)

u, delta, B, C, z and out may have any floating type of at most 32 bits; everything else is float32. Offsets are
64 bits wide. Programs share nothing that is written, so that results don't depend on their order.
"""

from collections.abc import Callable
from typing import Any

import triton
import triton.language as tl

# Not compiled anew for sizes that 16 divides: such an E would let four channels share a lane, as one wide load brings
# them, and each channel's step size would be computed by four lanes.
SIZES = ["batch", "T", "E", "G", "P"]


def jit(function: Callable[..., Any]) -> Any:
    """Triton's decorator; with TRITON_INTERPRET=1 at import it runs on the CPU, op by op in NumPy."""
    return triton.jit(function)


def kernel(function: Callable[..., Any]) -> Any:
    """The same for what is launched."""
    return triton.jit(function, do_not_specialize=SIZES)


@jit
def softplus(x):
    """log(1 + e^x); log(1 + e) = 2 artanh(e / (2 + e)) by its series, as exact where it is small as where it is not."""
    e = tl.exp(-tl.abs(x))
    s = e / (2.0 + e)
    q = s * s
    series = q * (1.0 / 15) + 1.0 / 13
    series = series * q + 1.0 / 11
    series = series * q + 1.0 / 9
    series = series * q + 1.0 / 7
    series = series * q + 1.0 / 5
    series = series * q + 1.0 / 3
    return tl.maximum(x, 0.0) + 2.0 * s * (series * q + 1.0)


@jit
def sigmoid(x):
    """1 / (1 + e^-x), without overflow."""
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@jit
def place(G, P, BE: tl.constexpr):
    """This program's clip, group and block of the group's channels; the channels, and which of them are there."""
    blocks = tl.cdiv(P, BE)
    index = tl.program_id(0)
    block, group, clip = index % blocks, index // blocks % G, index // (blocks * G)
    inside = block * BE + tl.arange(0, BE)
    return clip.to(tl.int64), group, block, group * P + inside, inside < P


@jit
def frame(i, length, way):
    """The frame that a direction reads as its i-th, 64 bits wide as `length`."""
    return tl.where(way == 1, length - 1 - i, i)


@jit
def load(base, at, mask):
    """float32, zero where the mask is not."""
    return tl.load(base + at, mask=mask, other=0.0).to(tl.float32)


@jit
def size(raw, bias, ok, SOFT: tl.constexpr):
    """The step, from what delta holds; zero, which leaves the state alone, behind the clip's end."""
    dt = raw + bias
    if SOFT:
        dt = softplus(dt)
    return tl.where(ok, dt, 0.0)


@jit
def read(i, length, way, u, delta, B, C, E, own, n, N: tl.constexpr):
    """delta, u (BE,), B, C (NP,) of a direction's i-th frame, zeros behind its last; pointers to the row's own."""
    t, ok = frame(i, length, way), i < length
    real, kept = own & ok, (n < N) & ok
    return load(delta, t * E, real), load(u, t * E, real), load(B, t * N, kept), load(C, t * N, kept)


@jit
def advance(
    i, h, raw, x, b, c, a, skip, bias, marks, E, tile,
    mask, N: tl.constexpr, STEPS: tl.constexpr, SOFT: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """h_t = 2^(dt_t A) h_{t-1} + dt_t u_t B_t and C_t . h_t + D u_t, keeping the state where a chunk begins."""
    if KEEP and i % STEPS == 0:
        tl.store(marks + (i // STEPS) * N * E + tile, h, mask=mask)
    dt = size(raw, bias, True, SOFT)
    h = tl.exp2(dt[None, :] * a) * h + (dt * x)[None, :] * b[:, None]
    return h, tl.sum(h * c[:, None], 0) + skip * x


@jit
def finish(y, at, z, out, mask, GATED: tl.constexpr):
    """Gate and store one frame."""
    if GATED:
        v = load(z, at, mask)
        y = y * v * sigmoid(v)
    tl.store(out + at, y.to(out.dtype.element_ty), mask=mask)


@jit
def meet(y0, y1, at0, at1, late, z, sums, out, own, GATED: tl.constexpr, KEEP: tl.constexpr):
    """Leave both directions' sums where the other will find them or, later, add what it has left and finish."""
    met, theirs = at0 == at1, own & late & (at0 != at1)
    total0 = y0 + tl.where(met, y1, load(sums, at0, theirs))
    total1 = y1 + tl.where(met, y0, load(sums, at1, theirs))
    left = own & (KEEP | (late == 0))
    tl.store(sums + at0, total0, mask=left)
    tl.store(sums + at1, total1, mask=left)
    finish(total0, at0, z, out, own & late, GATED)
    finish(total1, at1, z, out, own & late, GATED)


@jit
def begin(row, group, u, delta, B, C, state, marks, T, E, G, e, n, tile, mask, N: tl.constexpr, STEPS: tl.constexpr):
    """Pointers to a row's first frame, in the order of `read`, and to its marks; its first state."""
    p, chunks = (row * G + group) * T * N + n, tl.cdiv(T, STEPS)
    first = load(state + row * N * E, tile, mask)
    return u + row * T * E + e, delta + row * T * E + e, B + p, C + p, marks + row * chunks * N * E, first


@kernel
def forward(
    frames, u, delta, B, C, A, D, z, bias, state,
    last, marks, sums, out,
    batch, T, E, G, P,
    N: tl.constexpr, NP: tl.constexpr, BE: tl.constexpr, STEPS: tl.constexpr, WAYS: tl.constexpr,
    SOFT: tl.constexpr, GATED: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """Programs: batch * G * blocks. WAYS 1 reads forwards; 2 both ways. KEEP: marks and sums for the gradients."""
    clip, group, _, e, own = place(G, P, BE)
    length, n = tl.load(frames + clip), tl.arange(0, NP)
    tile, mask = n[:, None] * E + e[None, :], (n < N)[:, None] & own[None, :]
    a = load(A, tile, mask)
    skip, offset = load(D, e, own), load(bias, e, own)
    z, out, sums = z + clip * T * E + e, out + clip * T * E + e, sums + clip * T * E + e

    u0, delta0, B0, C0, marks0, h0 = begin(
        clip, group, u, delta, B, C, state, marks, T, E, G, e, n, tile, mask, N, STEPS
    )  # fmt: skip
    raw0, x0, b0, c0 = read(0, length, 0, u0, delta0, B0, C0, E, own, n, N)
    if WAYS == 2:
        u1, delta1, B1, C1, marks1, h1 = begin(
            clip + batch, group, u, delta, B, C, state, marks, T, E, G, e, n, tile, mask, N, STEPS
        )  # fmt: skip
        raw1, x1, b1, c1 = read(0, length, 1, u1, delta1, B1, C1, E, own, n, N)

    for half in range(2):
        for i in range(length // 2 * half, length // 2 + (length + 1) // 2 * half):
            next0 = read(i + 1, length, 0, u0, delta0, B0, C0, E, own, n, N)
            h0, y0 = advance(i, h0, raw0, x0, b0, c0, a, skip, offset, marks0, E, tile, mask, N, STEPS, SOFT, KEEP)
            raw0, x0, b0, c0 = next0
            at0 = frame(i, length, 0) * E
            if WAYS == 2:
                next1 = read(i + 1, length, 1, u1, delta1, B1, C1, E, own, n, N)
                h1, y1 = advance(i, h1, raw1, x1, b1, c1, a, skip, offset, marks1, E, tile, mask, N, STEPS, SOFT, KEEP)
                raw1, x1, b1, c1 = next1
                meet(y0, y1, at0, frame(i, length, 1) * E, half == 1, z, sums, out, own, GATED, KEEP)
            else:
                if KEEP and GATED:
                    tl.store(sums + at0, y0, mask=own)
                finish(y0, at0, z, out, own, GATED)
        tl.debug_barrier()  # what one lane has left, another may read

    for t in range(length, T):
        tl.store(out + frame(t, length, 0) * E, tl.zeros((BE,), out.dtype.element_ty), mask=own)
    tl.store(last + clip * N * E + tile, h0, mask=mask)
    if WAYS == 2:
        tl.store(last + (clip + batch) * N * E + tile, h1, mask=mask)
