"""The gradients of the GPU scan; see triton_kernels for the letters and for how a program goes through time.

A program is one block of channels of one clip in one direction. It goes through the chunks from the last to the first:
the states within a chunk are computed again from the one kept at its entry and stay in registers, then the adjoint
goes through the chunk the other way. Gradients of B and C are sums over channels: each program writes those of its own
block, the caller adds the blocks up, so that the result is the same in every run, which atomic additions would not be.
"""

import triton.language as tl

from fakemamba.scan.triton_kernels import frame, jit, kernel, load, place, read, sigmoid, size


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


@jit
def _replay(
    start, length, way, h, u, delta, B, a, offset, E, own, n, N: tl.constexpr, STEPS: tl.constexpr, SOFT: tl.constexpr
):
    """The recurrence again: the states before each frame of a chunk and the decays."""
    befores, decays = (), ()
    for k in tl.static_range(STEPS):
        i = start + k
        t, ok = frame(i, length, way), i < length
        dt = size(load(delta, t * E, own & ok), offset, ok, SOFT)
        decay = tl.exp2(dt[None, :] * a)
        drive = dt * load(u, t * E, own & ok)
        befores, decays = befores + (h,), decays + (decay,)  # noqa: RUF005 - Triton knows no unpacking here
        h = decay * h + drive[None, :] * load(B, t * N, (n < N) & ok)[:, None]
    return befores, decays


@jit
def _store(gu, gdelta, at, drive, step, mask):
    tl.store(gu + at, drive.to(gu.dtype.element_ty), mask=mask)
    tl.store(gdelta + at, step.to(gdelta.dtype.element_ty), mask=mask)


@jit
def _clear(t, gu, gdelta, gB, gC, gz, E, own, n, way, N: tl.constexpr, GATED: tl.constexpr):
    """A frame behind the clip's end."""
    none = own.to(tl.float32) * 0.0
    _store(gu, gdelta, t * E, none, none, own)
    tl.store(gB + t * N, n * 0.0, mask=n < N)
    tl.store(gC + t * N, n * 0.0, mask=n < N)
    if GATED:
        tl.store(gz + t * E, none.to(gz.dtype.element_ty), mask=own & (way == 0))


@kernel
def backward(
    frames, u, delta, B, C, A, D, z, bias, marks, sums, gout, glast,
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
    length, n = tl.load(frames + clip), tl.arange(0, NP)
    tile, mask = n[:, None] * E + e[None, :], (n < N)[:, None] & own[None, :]
    once, each, state = clip * T * E + e, row * T * E + e, row * N * E + tile
    p, q = (row * G + group) * T * N + n, ((row * G + group) * tl.cdiv(P, BE) + block) * T * N + n
    u, delta, gu, gdelta, B, C = u + each, delta + each, gu + each, gdelta + each, B + p, C + p
    gB, gC, z, gz, sums, gout = gB + q, gC + q, z + once, gz + once, sums + once, gout + once
    marks += row * tl.cdiv(T, STEPS) * N * E + tile
    a, skip, offset, g = load(A, tile, mask), load(D, e, own), load(bias, e, own), load(glast, state, mask)
    to_a, to_skip, to_bias = tl.zeros((NP, BE), tl.float32), tl.zeros((BE,), tl.float32), tl.zeros((BE,), tl.float32)

    chunks = tl.cdiv(length, STEPS)
    for c in range(chunks):
        chunk = chunks - 1 - c
        h = load(marks, chunk * N * E, mask)
        befores, decays = _replay(chunk * STEPS, length, way, h, u, delta, B, a, offset, E, own, n, N, STEPS, SOFT)
        for k in tl.static_range(STEPS - 1, -1, -1):
            i, before, decay = chunk * STEPS + k, befores[k], decays[k]
            t, ok = frame(i, length, way), i < length
            raw, x, b, read_by = read(i, length, way, u, delta, B, C, E, own, n, N)
            dt = size(raw, offset, ok, SOFT)
            gain = _gate(t * E, gout, z, sums, gz, own & ok, way, GATED)
            # here_t = g_t + gy_t C_t is the adjoint of h_t, and g_{t-1} = decay_t here_t
            here = g + gain[None, :] * read_by[:, None]
            after = decay * before + (dt * x)[None, :] * b[:, None]
            g = decay * here
            through = g * before  # dLoss / d(dt A)
            tl.store(gC + t * N, tl.sum(gain[None, :] * after, 1), mask=(n < N) & ok)
            tl.store(gB + t * N, tl.sum(here * (dt * x)[None, :], 1), mask=(n < N) & ok)
            drive = tl.sum(here * b[:, None], 0)
            step = tl.sum(through * a, 0) * 0.6931471805599453 + drive * x
            if SOFT:
                step = step * sigmoid(raw + offset)
            step = tl.where(ok, step, 0.0)
            _store(gu, gdelta, t * E, drive * dt + gain * skip, step, own & ok)
            to_a += through * dt[None, :]
            to_skip += gain * x
            to_bias += step

    tl.store(gstate + state, g, mask=mask)
    tl.store(gA + state, to_a, mask=mask)
    tl.store(gD + row * E + e, to_skip, mask=own)
    tl.store(gbias + row * E + e, to_bias, mask=own)
    for t in range(length, T):
        _clear(frame(t, length, 0), gu, gdelta, gB, gC, gz, E, own, n, way, N, GATED)
