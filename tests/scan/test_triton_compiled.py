"""Triton's compiler takes the kernels, for real GPUs: what only its interpreter understands would pass all other tests.

It needs no GPU; what it makes cannot run without one.
"""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

# In a process of its own, as Triton decides at import whether it compiles or interprets.
COMPILE = """
import sys
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from fakemamba.scan import triton_adjoint, triton_kernels

SIZES = {**dict.fromkeys(triton_kernels.SIZES, "i32"), "frames": "*i64"}
SEQUENCES = {"u", "delta", "B", "C", "z", "out", "gout", "gu", "gdelta", "gz"}


def source(kernel, sequences, **constants):
    kinds = {name: SIZES.get(name, sequences if name in SEQUENCES else "*fp32") for name in kernel.arg_names}
    places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    return ASTSource(kernel, kinds | dict.fromkeys(constants, "constexpr"), places)


capability, sequences = int(sys.argv[1]), sys.argv[2]
shape = dict(N=16, NP=16, STEPS=8, SOFT=True, GATED=True)
options = dict(target=GPUTarget("cuda", capability, 32), options={"num_warps": 1})
for more in (dict(BE=32, WAYS=2, KEEP=True), dict(BE=16, WAYS=2, KEEP=False), dict(BE=8, WAYS=1, KEEP=True)):
    made = compile(source(triton_kernels.forward, sequences, **shape, **more), **options)
    assert made.asm["cubin"]
made = compile(source(triton_adjoint.backward, sequences, **shape | {"STEPS": 2}, BE=8), **options)
assert made.asm["cubin"]
print("compiled")
"""


@pytest.mark.parametrize(("capability", "sequences"), [(80, "*bf16"), (90, "*fp32")])
def test_the_kernels_compile(capability: int, sequences: str, tmp_path):
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    words = [sys.executable, "-c", COMPILE, str(capability), sequences]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "compiled", done.stderr
