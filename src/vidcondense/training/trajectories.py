"""Expert trajectories on disk: a folder of files, each the weights of one network over its training.

A file, `expert-000.safetensors`, holds every parameter of the network by its name, `[epochs + 1, …]`
float32: newly initialised, and after every epoch. Its metadata is a JSON record of how it came to be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from vidcondense.errors import FormatError, UsageError
from vidcondense.files import canonical_json, check_regular, parse_json, write_bytes
from vidcondense.options import as_json, changed_fields
from vidcondense.safe_tensors import read_header

_RECORD = "vidcondense-expert"
_MAX_BYTES = 2**36  # a file is never read as a whole
_PATTERN = "expert-*.safetensors"
_RESULTS = ("expert", "losses", "versions")  # in which the experts of a folder may differ


@dataclass(frozen=True, kw_only=True)
class ExpertRecord:
    """How an expert came to be.

    Attributes:
        model: the network's name.
        classes: their names, by logit.
        shape: `(T, C, H, W)` of the clips.
        mean: of the clips, a value a channel, in [0, 1].
        std: likewise.
        clips: how many training clips of each class there were.
        options: of the training, as JSON.
        data: how the clips were read, as JSON.
        expert: its number, from 0.
        losses: the mean loss over every epoch.
        versions: of what trained it, as JSON.
    """

    model: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    clips: tuple[int, ...]
    options: dict[str, Any]
    data: dict[str, Any]
    expert: int
    losses: tuple[float, ...]
    versions: dict[str, Any]

    @property
    def epochs(self) -> int:
        """How many there are."""
        return len(self.losses)

    def differences(self, other: ExpertRecord) -> list[str]:
        """In what two experts were made differently: `options.lr: 0.01 → 0.1`."""
        before, after = (
            {key: value for key, value in as_json(record).items() if key not in _RESULTS}
            for record in (self, other)
        )
        return changed_fields(before, after)


def expert_path(folder: Path, number: int) -> Path:
    """Where an expert lies."""
    return folder / f"expert-{number:03d}.safetensors"


def save_expert(path: Path, trajectory: Mapping[str, Tensor], record: ExpertRecord) -> None:
    """Write an expert, atomically.

    Args:
        path: the file.
        trajectory: every parameter by its name, `[epochs + 1, …]` float32, contiguous, on the CPU.
        record: how it came to be.

    Raises:
        OutputError: the file cannot be written.
    """
    metadata = {_RECORD: canonical_json(asdict(record))}
    write_bytes(path, save(dict(trajectory), metadata))


def read_record(path: Path) -> ExpertRecord:
    """The record of an expert. Raises `FormatError`: the file is no expert, or a damaged one."""
    try:
        text = read_header(path, _MAX_BYTES).metadata[_RECORD]
        return msgspec.convert(parse_json(text), ExpertRecord)
    except (FormatError, KeyError, ValueError) as error:
        raise FormatError(f"{path} is no expert that `vidcondense experts` made: {error}") from error


class Experts:
    """The experts of a folder, all made alike.

    Args:
        folder: what `train_experts` made.

    Attributes:
        paths: their files, in order.
        records: how each came to be.

    Raises:
        FormatError: there are none, one is damaged, or they were made in different ways.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.paths = sorted(self.folder.glob(_PATTERN))
        if not self.paths:
            raise FormatError(
                f"{folder} holds no {_PATTERN}; make them: vidcondense experts DATA --out {folder}"
            )
        self.records = [read_record(path) for path in self.paths]
        for path, record in zip(self.paths, self.records, strict=True):
            if differences := self.record.differences(record):
                raise FormatError(f"{path} was made otherwise than {self.paths[0].name}: {differences[0]}")

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def record(self) -> ExpertRecord:
        """What holds for all of them, but for number, losses and versions."""
        return self.records[0]

    @property
    def sha256(self) -> str:
        """Of all records, in hex: other experts have another one."""
        return hashlib.sha256(
            canonical_json([asdict(record) for record in self.records]).encode()
        ).hexdigest()

    def check_network(self, network: nn.Module) -> None:
        """Raise `FormatError` unless every file holds this network's parameters, and nothing else."""
        for path, record in zip(self.paths, self.records, strict=True):
            wanted = {
                name: [record.epochs + 1, *parameter.shape] for name, parameter in network.named_parameters()
            }
            found = {
                name: shape if kind == "F32" else kind
                for name, (kind, *shape) in read_header(path, _MAX_BYTES).tensors.items()
            }
            if differences := changed_fields(wanted, found):
                raise FormatError(f"{path} does not fit {record.model}: {differences[0]}")

    def weights(self, expert: int, epoch: int) -> dict[str, Tensor]:
        """The parameters of an expert after `epoch` epochs, by name, on the CPU.

        Raises:
            FormatError: they cannot be read, or are not finite.
        """
        path = self.paths[expert]
        with _opened(path) as file:
            weights = {name: file.get_slice(name)[epoch] for name in file.keys()}  # noqa: SIM118
        if not all(bool(weight.isfinite().all()) for weight in weights.values()):
            raise FormatError(f"{path}: the weights after epoch {epoch} are not finite; train it again")
        return weights


def refuse_batch_statistics(network: nn.Module, model: str) -> None:
    """Raise `UsageError` where a network normalises by the statistics of its batch.

    A trajectory holds parameters only, and the gradient of a batch must be the sum of those of its videos.
    """
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        raise UsageError(
            f"--model {model} has batch normalisation, whose state no trajectory holds; use convnet3d"
        )


def _opened(path: Path) -> Any:  # noqa: ANN401 - safetensors has no type for it
    check_regular(path, _MAX_BYTES)
    try:
        return safe_open(path, framework="pt")
    except (OSError, SafetensorError) as error:
        raise FormatError(f"cannot read {path}: {error}") from error
