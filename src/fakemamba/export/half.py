"""Weights stored as float16, computed with as float32: half the file, the same speed.

ONNX Runtime has no float16 arithmetic for most operators on x86 CPUs; it would cast to and fro around each. So only the
stored weights change, each followed by one Cast, which the session carries out once, when it opens.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from fakemamba.export.graph import Part, add_array, arrays, copy, first_users, large_floats, parts_of, replace_nodes

_HALF_MAX = 65_504.0


def half_parts(model: Any) -> list[Part]:
    """What can be stored so: every large float32 weight."""
    return parts_of(model, first_users(model, large_floats(model)))


def exact_halves(model: Any) -> list[str]:
    """Large float32 weights that float16 holds to the last bit, as those of a model that was published in it."""
    found = arrays(model, set(large_floats(model)))
    with np.errstate(over="ignore"):
        return [name for name, value in found.items() if np.array_equal(value, value.astype(np.float16))]


def halved(model: Any, weights: Collection[str]) -> Any:
    """The graph with these weights stored as float16; what such a number cannot hold stays as it is."""
    from onnx import TensorProto, helper

    made = copy(model)
    casts = []
    for name, value in arrays(model, set(weights)).items():
        if not np.abs(value).max(initial=0.0) <= _HALF_MAX:
            continue
        stored = add_array(made, f"{name}.half", value.astype(np.float16))
        casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}/Cast.half", to=TensorProto.FLOAT))
    taken = {cast.output[0] for cast in casts}
    kept = [tensor for tensor in made.graph.initializer if tensor.name not in taken]
    del made.graph.initializer[:]
    made.graph.initializer.extend(kept)
    replace_nodes(made, casts + list(made.graph.node))
    return made
