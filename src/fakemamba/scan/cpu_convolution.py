"""The mixer's depthwise convolution with its silu, one or both ways, compiled; see cpu_kernels for the letters.

way 0: v_t = bias + sum_j taps_j x_{t - (k - 1) + j}        way 1: v_t = bias + sum_j taps_{k - 1 - j} x_{t + j}
"""

from fakemamba.scan.compiling import compiled
from fakemamba.scan.cpu_kernels import Array
from fakemamba.scan.cpu_maths import sigmoid
from fakemamba.scan.lanes import LANES, fill, fma, load, store

TILE = 64  # frames of a task


@compiled
def _reach(way: int, t: int, taps: int, valid: int) -> tuple[int, int, int]:
    """Taps [low, high) meet frames [at, at + high - low) of those that there are, as seen from frame t."""
    if way == 0:
        low = max(0, taps - 1 - t)
        return low, taps, t - (taps - 1) + low
    return 0, min(taps, valid - t), t


@compiled
def _frame(way: int, t: int, valid: int, x: Array, taps: Array, bias: Array, out: Array) -> None:
    """silu(v_t) of all channels into out (E,)."""
    low, high, at = _reach(way, t, taps.shape[0], valid)
    for e in range(0, out.shape[0], LANES):
        value = load(bias, e)
        for j in range(low, high):
            tap = j if way == 0 else taps.shape[0] - 1 - j
            value = fma(load(taps[tap], e), load(x[at + j - low], e), value)
        store(out, e, value * sigmoid(value))


@compiled
def convolve(
    first: int, last: int, way_from: int, way_to: int, left: int,
    frames: Array, valid: Array, x: Array, taps: Array, bias: Array, out: Array,
) -> None:  # fmt: skip
    """Run tasks [first, last) of batch * tiles.

    Args:
        left: frames of x before the first one of out.
        frames, valid: (batch,) own frames of out, and of x; behind them out is zero and x may hold anything.
        x: (batch, T', E or more).
        taps: (k, E). bias: (E,).
        out: (ways * batch, T, E).
    """
    batch, T, E = frames.shape[0], out.shape[1], out.shape[2]
    tiles = (T + TILE - 1) // TILE
    for task in range(first, last):
        row, start = task // tiles, task % tiles * TILE
        for way in range(way_from, way_to):
            target = out[(way - way_from) * batch + row]
            for t in range(start, min(start + TILE, T)):
                if t < frames[row]:
                    _frame(way, left + t, valid[row], x[row], taps, bias, target[t])
                else:
                    for e in range(0, E, LANES):
                        store(target[t], e, fill(taps, 0.0))
