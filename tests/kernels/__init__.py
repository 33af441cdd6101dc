"""Triton kernels without a GPU: run by Triton's interpreter, and compiled for GPUs that are not here.

`make test-kernels` installs Triton (a gigabyte, which is why the other tests do without) and runs these.
"""
