"""The gradients of the CPU scan, compiled; see cpu_kernels for the letters.

A chunk's states are computed again from the mark at its entry and kept, then the adjoint goes through the chunk the
other way. Gradients of B and C are sums over channels: a task adds up the lanes of at most SPAN blocks and only then
the lanes themselves; it alone writes its own sums, so that they don't depend on the number of threads.
"""

import numpy as np

from fakemamba.scan.compiling import compiled
from fakemamba.scan.cpu_kernels import STEPS, Array, gather, prepare
from fakemamba.scan.cpu_maths import exp2, sigmoid
from fakemamba.scan.lanes import LANES, fill, fma, load, store, total

SPAN = 9
LN2 = 0.6931471805599453


@compiled
def _replay(
    turned: bool, dt: Array, x: Array, a: Array, p: Array, gy: Array, h: Array, decays: Array, before: Array,
    lanes: Array,
) -> None:  # fmt: skip
    """The recurrence again, keeping decays and the states before each frame; the gradient of C, by lanes."""
    m, N = dt.shape[0], a.shape[0]
    for i in range(m):
        t = m - 1 - i if turned else i
        d, drive, g, into, read = load(dt[t], 0), load(x[t], 0), load(gy[t], 0), p[t, :N], lanes[t, N:]
        for n in range(N):
            decay, state = exp2(d * load(a[n], 0)), load(h[n], 0)
            store(decays[t, n], 0, decay)
            store(before[t, n], 0, state)
            state = fma(decay, state, drive * into[n])
            store(h[n], 0, state)
            store(read[n], 0, fma(g, state, load(read[n], 0)))


@compiled
def _retreat(
    turned: bool, dt: Array, x: Array, a: Array, p: Array, gy: Array, decays: Array, before: Array,
    g: Array, lanes: Array, gA: Array, gx: Array, gdt: Array,
) -> None:  # fmt: skip
    """Adjoint of the states: here_t = g_t + gy_t C_t, where g_{t-1} = decay_t here_t; what it means for the rest."""
    m, N = dt.shape[0], a.shape[0]
    for i in range(m):
        t = i if turned else m - 1 - i
        d, drive, gain = load(dt[t], 0), load(x[t], 0), load(gy[t], 0)
        into, out_of, sums = p[t, :N], p[t, N:], lanes[t, :N]
        to_drive, to_step = fill(dt, 0.0), fill(dt, 0.0)
        for n in range(N):
            here = fma(gain, out_of[n], load(g[n], 0))
            to_drive = fma(here, into[n], to_drive)
            store(sums[n], 0, fma(here, drive, load(sums[n], 0)))
            earlier = here * load(decays[t, n], 0)
            store(g[n], 0, earlier)
            through = earlier * load(before[t, n], 0)  # dLoss / d(dt A)
            to_step = fma(through, load(a[n], 0), to_step)
            store(gA[n], 0, fma(through, d, load(gA[n], 0)))
        store(gx[t], 0, to_drive)
        store(gdt[t], 0, to_step * LN2)


@compiled
def _inputs(
    e: int, soft: bool, u: Array, delta: Array, bias: Array, D: Array, dt: Array, gy: Array, gx: Array, gdt: Array,
    gu: Array, gdelta: Array, gD: Array, gbias: Array,
) -> None:  # fmt: skip
    """From the gradients of y, x = dt u and dt to those of u, delta, D and bias."""
    skip, offset = load(D, e), load(bias, e)
    to_skip, to_bias = load(gD, e), load(gbias, e)
    for t in range(dt.shape[0]):
        gain, drive, value = load(gy[t], 0), load(gx[t], 0), load(u[t], e)
        store(gu[t], e, fma(drive, load(dt[t], 0), gain * skip))
        to_skip = fma(gain, value, to_skip)
        step = fma(drive, value, load(gdt[t], 0))
        if soft:
            step = step * sigmoid(load(delta[t], e) + offset)
        store(gdelta[t], e, step)
        to_bias = to_bias + step
    store(gD, e, to_skip)
    store(gbias, e, to_bias)


@compiled
def _gate(e: int, first: bool, gout: Array, z: Array, sums: Array, gz: Array, gy: Array) -> None:
    """gy = gout silu(z); the gradient of z, once for all ways."""
    for t in range(gy.shape[0]):
        gain = load(gout[t], e)
        if z.shape[0]:
            v = load(z[t], e)
            s = sigmoid(v)
            if first:
                store(gz[t], e, gain * load(sums[t], e) * (s * fma(v, 1.0 - s, fill(gy, 1.0))))
            gain = gain * (v * s)
        store(gy[t], 0, gain)


@compiled
def _clear(e: int, start: int, target: Array) -> None:
    for t in range(start, target.shape[0]):
        store(target[t], e, fill(target, 0.0))


@compiled
def backward(
    first: int, last: int, way_from: int, soft: bool, parts: int, groups: int,
    frames: Array, u: Array, delta: Array, p: Array, A: Array, D: Array, z: Array, bias: Array,
    marks: Array, sums: Array, gout: Array,
    gstate: Array, gu: Array, gdelta: Array, gp: Array, gA: Array, gD: Array, gz: Array, gbias: Array,
) -> None:  # fmt: skip
    """Gradients for tasks [first, last) of R * groups * parts; a part is at most SPAN of a group's blocks.

    Shapes as in `cpu_kernels.forward`, without low-rank steps (p is B and C alone), and: gstate and gA
    (R, blocks, N, LANES), the gradients of the last states, overwritten by those of the first, and A's, zero on entry;
    gD, gbias (R, E), zero on entry; gp (R * groups * parts, T, 2 N). `marks` are overwritten.
    """
    batch, blocks, N = frames.shape[0], u.shape[2] // LANES // groups, A.shape[1]
    a = np.empty((SPAN, N, LANES), A.dtype)
    work, tiles = np.empty((5, STEPS, LANES), A.dtype), np.empty((2, STEPS, N, LANES), A.dtype)
    lanes = np.empty((STEPS, 2 * N, LANES), A.dtype)
    for task in range(first, last):
        source, group, part = task // (groups * parts), task // parts % groups, task % parts
        row, turned = source % batch, source // batch + way_from == 1
        gate = min(row, z.shape[0] - 1)
        own_z, own_gz, own_sums = z[gate], gz[gate], sums[row]
        low = group * blocks + part * SPAN
        high = min((group + 1) * blocks, low + SPAN)
        for block in range(low, high):
            gather(A, block * LANES, a[block - low])
        chunks = (frames[row] + STEPS - 1) // STEPS
        for i in range(chunks):
            chunk = i if turned else chunks - 1 - i
            start, stop = chunk * STEPS, min((chunk + 1) * STEPS, frames[row])
            m = stop - start
            dt, x, gy, gx, gdt = work[0, :m], work[1, :m], work[2, :m], work[3, :m], work[4, :m]
            decays, before, asked = tiles[0, :m], tiles[1, :m], p[source * groups + group, start:stop]
            lanes[:m] = 0
            for block in range(low, high):
                e, own = block * LANES, a[block - low]
                prepare(e, soft, u[source, start:stop], delta[source, start:stop], asked, A[:0], bias, dt, x)
                _gate(e, source < batch, gout[row, start:stop], own_z[start:stop], own_sums[start:stop],
                      own_gz[start:stop], gy)  # fmt: skip
                _replay(turned, dt, x, own, asked, gy, marks[source, block, chunk], decays, before, lanes[:m])
                _retreat(turned, dt, x, own, asked, gy, decays, before, gstate[source, block], lanes[:m],
                         gA[source, block], gx, gdt)  # fmt: skip
                _inputs(e, soft, u[source, start:stop], delta[source, start:stop], bias, D, dt, gy, gx, gdt,
                        gu[source, start:stop], gdelta[source, start:stop], gD[source], gbias[source])  # fmt: skip
            for t in range(m):
                for n in range(2 * N):
                    gp[task, start + t, n] = total(load(lanes[t, n], 0))
        gp[task, frames[row] :] = 0
        for block in range(low, high):
            _clear(block * LANES, frames[row], gu[source])
            _clear(block * LANES, frames[row], gdelta[source])
            if source < batch:
                _clear(block * LANES, frames[row], own_gz)
