"""Options that make commands quick: small clips, a small network, no worker processes."""

from __future__ import annotations

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44"]
SMALL = ["--workers", "0", "--precision", "float32", "--model", "convnet3d-16"]
QUICK = [*CLIP, *SMALL, "--real-batch", "2", "--iterations", "3"]

CONDENSE = """
[condense]
model = "convnet3d-16"
num-frames = 8
stride = 1
size = 44
real-batch = 2
"""
"""The same for a plan of `compare`, which adds the iterations."""

COMPARISON = f"""
repeats = 1
baseline = "random"
{CONDENSE}iterations = 2
[evaluate]
model = "convnet3d-16"
steps = 2
[sets.random]
method = "random"
"""
"""The head of a plan of `compare`, and its baseline; a test adds the sets it is about."""
