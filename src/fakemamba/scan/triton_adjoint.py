"""The gradients of the GPU scan; see triton_kernels for the letters and for how a program goes through time.

A program is one block of channels of one clip in one direction. It goes through the chunks from the last to the first:
the states within a chunk are computed again from the one kept at its entry and stay in registers, then the adjoint
goes through the chunk the other way. Gradients of B and C are sums over channels: each program writes those of its own
block, the caller adds the blocks up, so that the result is the same in every run, which atomic additions would not be.
"""

import triton.language as tl

from fakemamba.scan.triton_kernels import frame, jit, kernel, load, place, sigmoid, size


@jit
def _gate(at, gout, z, sums, gz, ok, way, GATED: tl.constexpr):
    """gy = gout silu(z); the gradient of z, which the forward direction's program stores for both."""
    gain = load(gout, at, ok)
    if GATED:
        v = load(z, at, ok)
        s = sigmoid(v)
        slope = s * (1.0 + v * (1.0 - s))
        tl.store(gz + at, (gain * load(sums, at, ok) * slope).to(gz.dtype.element_ty), mask=ok & (way == 0))
        gain = gain * (v * s)
    return gain


@kernel
def backward(
    frames, u, delta, B, C, A, D, z, bias, marks, sums,
    gout, glast,
    gu, gdelta, gB, gC, gA, gD, gz, gbias, gstate,
    batch, T, E, G, P,
    N: tl.constexpr, NP: tl.constexpr, BE: tl.constexpr, STEPS: tl.constexpr,
    SOFT: tl.constexpr, GATED: tl.constexpr,
):  # fmt: skip
    """Programs: batch * G * blocks, ways.

    Shapes as in `triton_kernels.forward`, and gout (batch, T, E); glast, gstate, gA (R, N, E); gD, gbias (R, E);
    gB, gC (R, G, blocks, T, N); gu, gdelta, gz as what they are the gradients of, of any type.
    """
    clip, group, block, e, own = place(G, P, BE)
    way = tl.program_id(1)
    row = clip + way * batch
    length = tl.load(frames + clip)
    n = tl.arange(0, NP)
    tile, mask = n[:, None] * E + e[None, :], (n < N)[:, None] & own[None, :]
    a = load(A, tile, mask)
    skip, offset = load(D, e, own), load(bias, e, own)
    once, each, p = clip * T * E + e, row * T * E + e, (row * G + group) * T * N + n
    q = ((row * G + group) * tl.cdiv(P, BE) + block) * T * N + n
    g = load(glast + row * N * E, tile, mask)
    to_a, to_skip, to_bias = tl.zeros((NP, BE), tl.float32), tl.zeros((BE,), tl.float32), tl.zeros((BE,), tl.float32)

    chunks = tl.cdiv(length, STEPS)
    for c in range(chunks):
        start = (chunks - 1 - c) * STEPS
        h = load(marks + (row * tl.cdiv(T, STEPS) + chunks - 1 - c) * N * E, tile, mask)
        befores, decays = (), ()
        for k in tl.static_range(STEPS):
            i = start + k
            t, ok = frame(i, length, way), i < length
            dt = size(load(delta + each, t * E, own & ok), offset, ok, SOFT)
            decay = tl.exp2(dt[None, :] * (a * 1.4426950408889634))
            drive = dt * load(u + each, t * E, own & ok)
            befores, decays = befores + (h,), decays + (decay,)  # noqa: RUF005 - Triton knows no unpacking here
            h = decay * h + drive[None, :] * load(B + p, t * N, (n < N) & ok)[:, None]
        for k in tl.static_range(STEPS - 1, -1, -1):
            i = start + k
            t, ok = frame(i, length, way), i < length
            real, kept, before, decay = own & ok, (n < N) & ok, befores[k], decays[k]
            raw, x = load(delta + each, t * E, real), load(u + each, t * E, real)
            b, read = load(B + p, t * N, kept), load(C + p, t * N, kept)
            dt = size(raw, offset, ok, SOFT)
            gain = _gate(once + t * E, gout, z, sums, gz, real, way, GATED)
            # here_t = g_t + gy_t C_t is the adjoint of h_t, and g_{t-1} = decay_t here_t
            here = g + gain[None, :] * read[:, None]
            after = decay * before + (dt * x)[None, :] * b[:, None]
            g = decay * here
            through = g * before  # dLoss / d(dt A)
            tl.store(gC + q + t * N, tl.sum(gain[None, :] * after, 1), mask=kept)
            tl.store(gB + q + t * N, tl.sum(here * (dt * x)[None, :], 1), mask=kept)
            to_a += through * dt[None, :]
            drive = tl.sum(here * b[:, None], 0)
            step = tl.sum(through * a, 0) + drive * x
            if SOFT:
                step = step * sigmoid(raw + offset)
            step = tl.where(ok, step, 0.0)
            tl.store(gu + each + t * E, (drive * dt + gain * skip).to(gu.dtype.element_ty), mask=real)
            tl.store(gdelta + each + t * E, step.to(gdelta.dtype.element_ty), mask=real)
            to_skip += gain * x
            to_bias += step

    tl.store(gstate + row * N * E + tile, g, mask=mask)
    tl.store(gA + row * N * E + tile, to_a, mask=mask)
    tl.store(gD + row * E + e, to_skip, mask=own)
    tl.store(gbias + row * E + e, to_bias, mask=own)
    for i in range(length, T):
        t = frame(i, length, 0)
        tl.store(gu + each + t * E, tl.zeros((BE,), gu.dtype.element_ty), mask=own)
        tl.store(gdelta + each + t * E, tl.zeros((BE,), gdelta.dtype.element_ty), mask=own)
        tl.store(gB + q + t * N, tl.zeros((NP,), tl.float32), mask=n < N)
        tl.store(gC + q + t * N, tl.zeros((NP,), tl.float32), mask=n < N)
        if GATED:
            tl.store(gz + once + t * E, tl.zeros((BE,), gz.dtype.element_ty), mask=own & (way == 0))
