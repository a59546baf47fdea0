"""Compiles and runs one kernel."""

import torch
import triton
import triton.language as tl


@triton.jit
def double(source, target, size, block: tl.constexpr):
    """target = 2 * source."""
    at = tl.program_id(0) * block + tl.arange(0, block)
    tl.store(target + at, 2 * tl.load(source + at, mask=at < size), mask=at < size)


if __name__ == "__main__":
    source = torch.arange(1000.0, device="cuda")
    target = torch.empty_like(source)
    double[(4,)](source, target, 1000, block=256)
    assert torch.equal(target, 2 * source)
