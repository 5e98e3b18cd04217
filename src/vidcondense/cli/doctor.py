"""`vidcondense doctor`."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vidcondense import __version__
from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.compute import choose_compute
from vidcondense.media.decode import read_clips
from vidcondense.media.encode import encode_lossless
from vidcondense.video.cache import cache_root

_PACKAGES = ("av", "jaxtyping", "matplotlib", "numpy", "pebble", "pillow", "rich", "safetensors", "tyro")
_SHARED_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Check this machine: versions, devices, shared memory, the cache, and that a video decodes exactly.

    Example:
      vidcondense doctor

    Put what it prints into a bug report. The exit code is 1 when a check fails.
    """

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """One line a check."""
    results = []
    for name, check in CHECKS.items():
        ok, detail = _try(check)
        output.say(f"{'OK' if ok else 'failed':7}{name}: {detail}")
        results.append({"check": name, "ok": ok, "detail": detail})
    return {"ok": all(result["ok"] for result in results), "checks": results}


def _try(check: Callable[[], str]) -> tuple[bool, str]:
    try:
        return True, check()
    except Exception as error:  # whatever it is, it is what the doctor is asked about
        return False, f"{type(error).__name__}: {error}".splitlines()[0]


def _versions() -> str:
    return f"vidcondense {__version__}, Python {platform.python_version()}, {platform.platform()}"


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in _PACKAGES)


def _torch() -> str:
    cuda = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    return f"{torch.__version__}, {torch.get_num_threads()} threads, {cuda}"


def _processor() -> str:
    compute = choose_compute("cpu")
    return f"{torch.backends.cpu.get_cpu_capability()}, chooses {compute.precision}"


def _devices() -> str:
    if not torch.cuda.is_available():
        return "no CUDA device, networks run on the processor"
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return f"{', '.join(names)}; chooses {choose_compute('cuda').precision}"


def _shared_memory() -> str:
    if not _SHARED_MEMORY.is_dir():
        return "none on this system"
    usage = shutil.disk_usage(_SHARED_MEMORY)
    return f"{size_text(usage.free)} free of {size_text(usage.total)} (DataLoaders of yours need it)"


def _cache() -> str:
    folder = cache_root()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"writable")
    return f"{folder}, {size_text(shutil.disk_usage(folder).free)} free"


def _decoding() -> str:
    frames = np.random.default_rng(0).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generated.mp4"
        path.write_bytes(encode_lossless(frames, container="mp4"))
        decoded = read_clips(path, size=48, pick=lambda count: [list(range(count))])
    if not np.array_equal(decoded.clips[0], frames[:, :, 8:56]):
        raise RuntimeError("a generated mp4 decodes to other pixels than were encoded")
    return f"a generated mp4 of {decoded.num_frames} frames decodes exactly"


CHECKS: dict[str, Callable[[], str]] = {
    "versions": _versions,
    "packages": _packages,
    "torch": _torch,
    "processor": _processor,
    "devices": _devices,
    "shared memory": _shared_memory,
    "cache": _cache,
    "decoding": _decoding,
}
