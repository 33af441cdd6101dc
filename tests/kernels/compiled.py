"""A kernel compiled for a GPU that is not here, in a process without the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys

_PROGRAM = """
import sys
from importlib import import_module
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

module, name, architecture = sys.argv[1:]
kernel = getattr(import_module(module), name)
constants = {"CHANNELS": 4, "POINTS": 256, "ROWS": 4, "COLUMNS": 32}
pointers = dict.fromkeys(("total", "weights", "source", "frame"), "*fp32") | {"addresses": "*i64", "reaches": "*i32"}
signature = {a: "constexpr" if a in constants else pointers.get(a, "i32") for a in kernel.arg_names}
used = {a: constants[a] for a in kernel.arg_names if a in constants}
source = ASTSource(fn=kernel, signature=signature, constexprs=used)
print(compile(source, target=GPUTarget("cuda", int(architecture), 32)).asm["ptx"])
"""


def ptx(module: str, kernel: str, architecture: int) -> str:
    """Its assembly for compute capability `architecture` / 10; ptxas has accepted it."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-c", _PROGRAM, module, kernel, str(architecture)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
