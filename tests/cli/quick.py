"""Options that make commands quick: small clips, a small network, no worker processes."""

from __future__ import annotations

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44"]
SMALL = ["--workers", "0", "--precision", "float32", "--model", "convnet3d-16"]
QUICK = [*CLIP, *SMALL, "--real-batch", "2", "--iterations", "3"]
