"""The compiled loops of the CPU scan: one row (a channel of a clip) at a time, sixteen states at once.

Every loop over `LANES` has a constant length, so that LLVM turns it into vector instructions. The states of a
row are kept only every `STEPS` steps; the backward loop recomputes those in between, so that memory stays small.

Letters: R = batch * D rows, T steps, V = ceil(N / LANES) vectors of states, G' = batch * G groups of B and C,
each shared by `span` = D / G neighbouring rows. A task is at most `BLOCK` rows of one group; it alone writes its
slice of the gradients of B and C, so that sums don't depend on the number of threads.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fakemamba.scan.cpu_maths import ONE, compiled, exp, sigmoid, softplus

LANES = 16
STEPS = 64
BLOCK = 32

Array = NDArray[Any]


@compiled
def _steps(delta: Array, bias: Any, soft: bool, dt: Array) -> None:
    """dt = softplus(delta + bias), or delta + bias."""
    for t in range(delta.shape[0]):
        dt[t] = delta[t] + bias
    if soft:
        for t in range(delta.shape[0]):
            dt[t] = softplus(dt[t])


@compiled
def _advance(dt: Array, x: Array, a: Array, B: Array, C: Array, h: Array, y: Array) -> None:
    """y_t += C_t . h_t with h_t = exp(dt_t a) h_{t-1} + x_t B_t; leaves the last state in `h`."""
    for t in range(x.shape[0]):
        total = y[t]
        for n in range(LANES):
            state = exp(dt[t] * a[n]) * h[n] + x[t] * B[t, n]
            h[n] = state
            total += state * C[t, n]
        y[t] = total


@compiled
def _gate(y: Array, z: Array) -> None:
    """y *= silu(z)."""
    for t in range(z.shape[0]):
        y[t] *= z[t] * sigmoid(z[t])


@compiled
def _replay(dt: Array, x: Array, a: Array, B: Array, state: Array, h: Array, decays: Array) -> None:
    """The recurrence of `_advance` again, keeping the states before (h[t]) and after (h[t + 1]) and the decays."""
    for n in range(LANES):
        h[0, n] = state[n]
    for t in range(x.shape[0]):
        step, drive = dt[t], x[t]
        for n in range(LANES):
            decay = exp(step * a[n])
            decays[t, n] = decay
            state[n] = decay * state[n] + drive * B[t, n]
        for n in range(LANES):
            h[t + 1, n] = state[n]


@compiled
def _retreat(gy: Array, C: Array, decays: Array, g: Array, here: Array) -> None:
    """Adjoint of the states: here_t = g_t + gy_t C_t, where g_{t-1} = decay_t here_t runs backwards in time."""
    for t in range(here.shape[0] - 1, -1, -1):
        for n in range(LANES):
            state = g[n] + gy[t] * C[t, n]
            here[t, n] = state
            g[n] = state * decays[t, n]


@compiled
def _read_out(h: Array, C: Array, gy: Array, y: Array, gC: Array) -> None:
    """y_t += C_t . h_t, and the gradient of C."""
    for t in range(y.shape[0]):
        total = y[t]
        for n in range(LANES):
            total += h[t, n] * C[t, n]
            gC[t, n] += gy[t] * h[t, n]
        y[t] = total


@compiled
def _drive_grads(here: Array, x: Array, B: Array, gx: Array, gB: Array) -> None:
    for t in range(gx.shape[0]):
        total = gx[t]
        for n in range(LANES):
            total += here[t, n] * B[t, n]
            gB[t, n] += x[t] * here[t, n]
        gx[t] = total


@compiled
def _decay_grads(here: Array, decays: Array, h: Array, dt: Array, a: Array, ga: Array, gdt: Array) -> None:
    for t in range(gdt.shape[0]):
        total, step = gdt[t], dt[t]
        for n in range(LANES):
            through = here[t, n] * decays[t, n] * h[t, n]  # dLoss / d(dt a), where the decay is exp(dt a)
            total += through * a[n]
            ga[n] += through * step
        gdt[t] = total


@compiled
def _gate_grad(gout: Array, z: Array, y: Array, gz: Array) -> None:
    for t in range(z.shape[0]):
        s = sigmoid(z[t])
        gz[t] = gout[t] * y[t] * s * (ONE + z[t] * (ONE - s))


@compiled
def _steps_grad(delta: Array, bias: Any, soft: bool, gdt: Array, gdelta: Array) -> Any:
    """Adjoint of `_steps`; returns the bias's part."""
    if soft:
        for t in range(delta.shape[0]):
            gdt[t] *= sigmoid(delta[t] + bias)
    total = bias - bias
    for t in range(delta.shape[0]):
        gdelta[t] = gdt[t]
        total += gdt[t]
    return total


@compiled
def _drive(u: Array, dt: Array, skip: Any, x: Array, y: Array) -> None:
    """x = dt u, the state's input; y = D u, the output so far."""
    for t in range(u.shape[0]):
        x[t] = dt[t] * u[t]
        y[t] = skip * u[t]


@compiled
def _drive_grad(u: Array, dt: Array, skip: Any, gy: Array, gx: Array, gdt: Array, gu: Array) -> Any:
    """Adjoint of `_drive`; returns the skip's part."""
    total = skip - skip
    for t in range(u.shape[0]):
        gdt[t] += gx[t] * u[t]
        gu[t] = gy[t] * skip + gx[t] * dt[t]
        total += gy[t] * u[t]
    return total


@compiled
def forward(
    first: int, last: int, span: int, soft: bool, gated: bool,
    u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, z: Array, bias: Array,
    state: Array, marks: Array, out: Array,
) -> None:  # fmt: skip
    """Run tasks [first, last).

    Shapes: u, delta, z, out (R, T); A (D, V, LANES); B, C (G', V, T, LANES); D, bias (D,);
    state (R, V, LANES), the initial states, overwritten by the last; marks (R, chunks, V, LANES), the
    states at the start of each chunk of STEPS.
    """
    T, V, channels = u.shape[1], A.shape[1], A.shape[0]
    per_group = (span + BLOCK - 1) // BLOCK
    work = np.empty((2, STEPS), u.dtype)
    for task in range(first, last):
        group, block = task // per_group, task % per_group
        for row in range(group * span + block * BLOCK, group * span + min(span, (block + 1) * BLOCK)):
            channel = row % channels
            for chunk in range((T + STEPS - 1) // STEPS):
                start, stop = chunk * STEPS, min(T, (chunk + 1) * STEPS)
                dt, x, y = work[0, : stop - start], work[1, : stop - start], out[row, start:stop]
                _steps(delta[row, start:stop], bias[channel], soft, dt)
                _drive(u[row, start:stop], dt, D[channel], x, y)
                marks[row, chunk] = state[row]
                for v in range(V):
                    _advance(dt, x, A[channel, v], B[group, v, start:stop], C[group, v, start:stop], state[row, v], y)
                if gated:
                    _gate(y, z[row, start:stop])


@compiled
def backward(
    first: int, last: int, span: int, soft: bool, gated: bool,
    u: Array, delta: Array, A: Array, B: Array, C: Array, D: Array, z: Array, bias: Array,
    marks: Array, gout: Array,
    gstate: Array, gu: Array, gdelta: Array, gA: Array, gB: Array, gC: Array, gD: Array, gz: Array, gbias: Array,
) -> None:  # fmt: skip
    """Gradients for tasks [first, last).

    Shapes as in `forward`, and: gstate (R, V, LANES), the gradients of the last states, overwritten by those of
    the initial; gA (R, V, LANES), gD, gbias (R,), one per row; gB, gC (tasks, V, T, LANES), zero on entry.
    `marks` are overwritten.
    """
    T, V, channels = u.shape[1], A.shape[1], A.shape[0]
    per_group = (span + BLOCK - 1) // BLOCK
    work = np.empty((6, STEPS), u.dtype)
    states, tiles = np.empty((STEPS + 1, LANES), u.dtype), np.empty((2, STEPS, LANES), u.dtype)
    for task in range(first, last):
        group, block = task // per_group, task % per_group
        for row in range(group * span + block * BLOCK, group * span + min(span, (block + 1) * BLOCK)):
            channel = row % channels
            for chunk in range((T + STEPS - 1) // STEPS - 1, -1, -1):
                start, stop = chunk * STEPS, min(T, (chunk + 1) * STEPS)
                m = stop - start
                dt, x, y, gy, gx, gdt = work[0, :m], work[1, :m], work[2, :m], work[3, :m], work[4, :m], work[5, :m]
                decays, here, h = tiles[0, :m], tiles[1, :m], states[: m + 1]
                _steps(delta[row, start:stop], bias[channel], soft, dt)
                _drive(u[row, start:stop], dt, D[channel], x, y)
                gy[:] = gout[row, start:stop]
                gx[:] = 0
                gdt[:] = 0
                if gated:
                    _gate(gy, z[row, start:stop])
                for v in range(V):
                    b, c = B[group, v, start:stop], C[group, v, start:stop]
                    _replay(dt, x, A[channel, v], b, marks[row, chunk, v], h, decays)
                    _read_out(h[1:], c, gy, y, gC[task, v, start:stop])
                    _retreat(gy, c, decays, gstate[row, v], here)
                    _drive_grads(here, x, b, gx, gB[task, v, start:stop])
                    _decay_grads(here, decays, h, dt, A[channel, v], gA[row, v], gdt)
                gD[row] += _drive_grad(u[row, start:stop], dt, D[channel], gy, gx, gdt, gu[row, start:stop])
                if gated:
                    _gate_grad(gout[row, start:stop], z[row, start:stop], y, gz[row, start:stop])
                gbias[row] += _steps_grad(delta[row, start:stop], bias[channel], soft, gdt, gdelta[row, start:stop])
