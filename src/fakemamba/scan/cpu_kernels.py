"""The compiled loops of the CPU scan: sixteen channels of a clip at a time, one state after the other.

Frames are rows and channels lie side by side, as the products before and after the scan leave and want them. A block
of LANES channels goes through time in chunks of STEPS frames: what the frames ask for (`prepare`), then the recurrence
(`_advance`). One task is one block of one clip in every direction asked for, so that the directions are summed and
gated before anything is written. For the gradients the states are kept only where a chunk begins.

Letters: batch clips, R = ways * batch rows (the backward direction's after the forward ones), T frames, E channels,
blocks = E / LANES, N states, G groups that share B and C. Type words: u, delta, z and out may hold bfloat16 (as
uint16); everything else has the type that is computed in.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.scan.compiling import compiled
from fakemamba.scan.cpu_maths import LOG2E, exp2, sigmoid, softplus
from fakemamba.scan.lanes import LANES, fill, fma, load, store

STEPS = 32

Array = NDArray[Any]


@compiled
def gather(A: Array, e: int, a: Array) -> None:
    """a (N, LANES): A (E, N) of the block at channel e, turned and in units of log 2, as `exp2` wants it."""
    for n in range(a.shape[0]):
        for lane in range(LANES):
            a[n, lane] = A[e + lane, n] * LOG2E


@compiled
def prepare(
    e: int, soft: bool, u: Array, delta: Array, step: Array, weight: Array, bias: Array, dt: Array, x: Array
) -> None:
    """Of one chunk's m frames and the block at channel e: step sizes dt and what they take in, x = dt u, (m, LANES).

    The sizes come from delta (m, E), or, where it is empty, from their low rank: step (m, rank) weight (rank, E).
    """
    offset = load(bias, e)
    for t in range(dt.shape[0]):
        d = offset
        if delta.shape[0]:
            d = d + load(delta[t], e)
        for r in range(weight.shape[0]):
            d = fma(load(weight[r], e), step[t, r], d)
        if soft:
            d = softplus(d)
        store(dt[t], 0, d)
        store(x[t], 0, d * load(u[t], e))


@compiled
def _advance(turned: bool, rank: int, dt: Array, x: Array, a: Array, p: Array, h: Array, y: Array) -> None:
    """y_t += C_t . h_t with h_t = exp(dt_t A) h_{t-1} + x_t B_t; leaves the last state in `h`."""
    m, N = dt.shape[0], a.shape[0]
    for i in range(m):
        t = m - 1 - i if turned else i
        d, drive, total = load(dt[t], 0), load(x[t], 0), load(y[t], 0)
        into, out_of = p[t, rank : rank + N], p[t, rank + N :]
        for n in range(N):
            state = fma(exp2(d * load(a[n], 0)), load(h[n], 0), drive * into[n])
            store(h[n], 0, state)
            total = fma(state, out_of[n], total)
        store(y[t], 0, total)


@compiled
def _finish(e: int, keep: bool, y: Array, z: Array, z_at: int, sums: Array, out: Array) -> None:
    """Gate y (m, LANES) by silu(z), where there is a z, into out (T, E); zeros behind the m frames."""
    for t in range(y.shape[0]):
        value = load(y[t], 0)
        if keep:
            store(sums[t], e, value)
        if z.shape[0]:
            gate = load(z[t], z_at + e)
            value = value * (gate * sigmoid(gate))
        store(out[t], e, value)
    for t in range(y.shape[0], out.shape[0]):
        store(out[t], e, fill(y, 0.0))


@compiled
def forward(
    first: int, last: int, way_from: int, way_to: int, soft: bool, keep: bool, z_at: int,
    frames: Array, u: Array, delta: Array, weight: Array, p: Array, A: Array, D: Array, z: Array, bias: Array,
    state: Array, marks: Array, sums: Array, out: Array,
) -> None:  # fmt: skip
    """Run tasks [first, last) of batch * blocks.

    Args:
        way_from, way_to: 0, 1 reads forwards; 0, 2 both ways; 1, 2 backwards.
        soft: whether step sizes go through the softplus.
        keep: whether marks and sums are written, for the gradients.
        z_at: z's first column.
        frames: (batch,) each clip's own.
        u, delta: (R, T, E); an empty delta stands for p's first columns times weight.
        weight: (rank, E), rank 0 beside a delta.
        p: (R * G, T, rank + 2 N): low-rank step sizes, B and C.
        A: (E, N). D, bias: (E,).
        z: (batch, T, z_at + E or more), or empty: no gate.
        state: (R, blocks, N, LANES) the first states, overwritten by the last.
        marks: (R, blocks, chunks, N, LANES) the states on entering each chunk.
        sums: (batch, T, E) the output before the gate.
        out: (batch, T, E), or empty: only the states are wanted.

    Empty stands for (1, 0, any).
    """
    batch, T, E = frames.shape[0], u.shape[1], u.shape[2]
    N, rank, blocks = A.shape[1], weight.shape[0], E // LANES
    a, dt, x = np.empty((N, LANES), A.dtype), np.empty((STEPS, LANES), A.dtype), np.empty((STEPS, LANES), A.dtype)
    work = np.empty((T, LANES), A.dtype)
    for task in range(first, last):
        row, block = task // blocks, task % blocks
        e = block * LANES
        gather(A, e, a)
        y = work[: frames[row]]
        y[:] = 0
        chunks = (y.shape[0] + STEPS - 1) // STEPS
        for way in range(way_from, way_to):
            source = (way - way_from) * batch + row
            group = source * (p.shape[0] // u.shape[0]) + e * (p.shape[0] // u.shape[0]) // E
            for i in range(chunks):
                chunk = chunks - 1 - i if way == 1 else i
                start, stop = chunk * STEPS, min((chunk + 1) * STEPS, y.shape[0])
                asked, own, dts, xs = p[group, start:stop], y[start:stop], dt[: stop - start], x[: stop - start]
                own_delta = delta[min(source, delta.shape[0] - 1), start:stop]
                prepare(e, soft, u[source, start:stop], own_delta, asked, weight, bias, dts, xs)
                skip = load(D, e)
                for t in range(stop - start):
                    store(own[t], 0, fma(skip, load(u[source, start + t], e), load(own[t], 0)))
                if keep:
                    marks[source, block, chunk] = state[source, block]
                _advance(way == 1, rank, dts, xs, a, asked, state[source, block], own)
        if out.shape[1]:
            _finish(e, keep, y, z[min(row, z.shape[0] - 1)], z_at, sums[min(row, sums.shape[0] - 1)], out[row])
