"""Direct scatter, compiled: C++ with a thread a core, built when first asked for with the machine's own compiler.

Every pixel adds w = (½ + ½ tanh(4 (r − dist))) / (r² + 0.2) to each pixel of its own disc, as
`simulator.reference.scatter.direct_scatter` does; a disc ends a pixel beyond its radius, where w has fallen to 3e-4 of
its height. The inner loop is one the compiler turns into vector instructions, tanh included.
"""

import ctypes
import math
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from simulator import ThinLens

# What -ffast-math means for the code, without what it does to the process: linked in with it, GCC's start-up code turns
# denormal numbers off for everybody.
_FAST_MATH = ("-fno-math-errno", "-fno-trapping-math", "-ffinite-math-only", "-fno-signed-zeros", "-freciprocal-math")
FLAGS = ("-O3", "-march=native", *_FAST_MATH, "-fassociative-math", "-std=c++17", "-shared", "-fPIC", "-pthread")
SOURCE = r"""
#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

// source [5, h + 2 reach, w + 2 reach]: light, 1, radius; frame [4, h, w]. One row of the frame a task: no two threads
// write to the same pixel.
static void one_row(const float* source, float* frame, int h, int w, int reach, int y) {
    const int width = w + 2 * reach;
    const long plane = (long)width * (h + 2 * reach), area = (long)h * w;
    float* __restrict o0 = frame + (long)y * w;
    float* __restrict o1 = o0 + area;
    float* __restrict o2 = o1 + area;
    float* __restrict o3 = o2 + area;
    for (int row = y; row <= y + 2 * reach; ++row) {
        const float dy = float(row - reach - y), dy2 = dy * dy;
        const float* s = source + (long)row * width;
        for (int column = 0; column < width; ++column) {
            const float r = s[4 * plane + column], end = r + 1.0f, half2 = end * end - dy2;
            if (half2 < 0.0f) continue;
            const int half = int(std::sqrt(half2)), center = column - reach;
            const int from = std::max(0, center - half), to = std::min(w - 1, center + half);
            const float share = 1.0f / (r * r + 0.2f);
            const float a = s[column] * share, b = s[plane + column] * share, c = s[2 * plane + column] * share;
            for (int x = from; x <= to; ++x) {
                const float dx = float(x - center);
                // 1/2 + 1/2 tanh(4 t) = 1 / (1 + exp(-8 t))
                const float rim = 1.0f / (1.0f + expf(8.0f * (sqrtf(dx * dx + dy2) - r)));
                o0[x] += rim * a;
                o1[x] += rim * b;
                o2[x] += rim * c;
                o3[x] += rim * share;
            }
        }
    }
}

extern "C" void direct_scatter(const float* source, float* frame, int h, int w, int reach, int threads) {
    std::atomic<int> next{0};
    auto work = [&] { for (int y; (y = next++) < h;) one_row(source, frame, h, w, reach, y); };
    std::vector<std::thread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
    for (auto& helper : helpers) helper.join();
}
"""


class NoCompiler(Exception):
    """This machine cannot build the kernel; the message says why."""


def direct_scatter(image: Tensor, disparity: Tensor, lens: ThinLens) -> Tensor:
    """[3, H, W], with as many threads as torch has. Raises NoCompiler."""
    library, _ = built()
    radius = lens.defocus_px(disparity).abs()
    reach = math.ceil(float(radius.max())) + 1
    content = torch.cat([image, torch.ones_like(disparity)[None], radius[None]])  # [5, H, W]
    source = F.pad(content[None], (reach,) * 4, mode="replicate")[0].contiguous()
    h, w = disparity.shape
    frame = torch.zeros(4, h, w)
    pointers = ctypes.c_void_p(source.data_ptr()), ctypes.c_void_p(frame.data_ptr())
    library.direct_scatter(*pointers, h, w, reach, torch.get_num_threads())
    return frame[:3] / frame[3:]


@lru_cache(maxsize=1)
def built() -> tuple[ctypes.CDLL, str]:
    """The kernel, and the compiler with its flags. Raises NoCompiler."""
    named = os.environ.get("CXX", "")
    compiler = shutil.which(named) if named else shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise NoCompiler(f"no C++ compiler: {named or 'neither g++ nor clang++'} found")
    with tempfile.TemporaryDirectory(prefix="direct-scatter-") as folder:
        source, library = Path(folder, "direct_scatter.cpp"), Path(folder, "direct_scatter.so")
        source.write_text(SOURCE)
        done = subprocess.run([compiler, *FLAGS, str(source), "-o", str(library)], capture_output=True, text=True)
        if done.returncode != 0:
            raise NoCompiler(f"{compiler} failed: {done.stderr.strip().splitlines()[0] if done.stderr else 'no word'}")
        loaded = ctypes.CDLL(str(library))  # stays loaded when the file is gone
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()
    return loaded, f"{said[0] if said else compiler} {' '.join(FLAGS[:3])}"
