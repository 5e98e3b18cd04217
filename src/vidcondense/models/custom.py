"""Networks of the user's own, named on the command line as `package.module:factory`.

The contract: `factory(num_classes=K, num_frames=T, size=S)` returns an `nn.Module` that takes videos
`[N, T, 3, S, S]` in network units and returns logits `[N, K]`. It draws its weights from torch's global
random state, which is seeded around the call. Where the module has a method `embed(videos)` → features
`[N, D]`, differentiable in the videos, sets can be condensed with it and its features can be compared.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from vidcondense.errors import UsageError
from vidcondense.interfaces import Videos
from vidcondense.models.network import Features, Logits, VideoNetwork

_TRIAL_VIDEOS = 2
_TRIAL_CLASSES = 3


class CustomNetwork(VideoNetwork):
    """A user's module as a `VideoNetwork`.

    Attributes:
        name: `package.module:factory`.
        module: what the factory returned.
    """

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.name = name
        self.module = module

    @property
    def features(self) -> Callable[[Tensor], Tensor]:
        """The module's own `embed`; raises `UsageError` where it has none."""
        embed: Callable[[Tensor], Tensor] | None = getattr(self.module, "embed", None)
        if embed is None:
            raise UsageError(
                f"--model {self.name} has no method embed(videos) → features [N, D], by which videos are "
                "matched and compared; add one, or use another --model"
            )
        return embed

    def embed(self, videos: Videos) -> Features:
        """The module's features, `[N, D]`; see `features`."""
        return self.features(videos)

    def forward(self, videos: Videos) -> Logits:
        """The module's logits, `[N, K]`."""
        logits: Tensor = self.module(videos)
        return logits


def is_custom(name: str) -> bool:
    """Whether a name is of the form `package.module:factory`."""
    return ":" in name


def build_custom(name: str, num_classes: int, num_frames: int, size: int) -> CustomNetwork:
    """Import the factory and call it.

    Raises:
        UsageError: there is no such factory, it fails, or returns something else than a module.
    """
    factory = _factory(name)
    module = _attempt(
        f"--model {name}(num_classes={num_classes}, num_frames={num_frames}, size={size})",
        lambda: factory(num_classes=num_classes, num_frames=num_frames, size=size),
    )
    if not isinstance(module, nn.Module):
        raise UsageError(f"--model {name} returns {type(module).__name__}; it must return a torch.nn.Module")
    return CustomNetwork(name, module)


@torch.no_grad()
def try_custom(name: str, num_frames: int, size: int, *, features: bool) -> None:
    """Hold a factory to the contract, with a network of 3 classes and two black videos.

    Args:
        name: `package.module:factory`.
        num_frames: T of the clips it will get.
        size: their height and width in pixels.
        features: whether `embed` is needed, too.

    Raises:
        UsageError: it breaks the contract.
    """
    network = build_custom(name, _TRIAL_CLASSES, num_frames, size).eval()
    videos = torch.zeros(_TRIAL_VIDEOS, num_frames, 3, size, size)
    wanted = f"videos of {num_frames}×3×{size}×{size} (T, C, H, W)"
    logits = _attempt(f"--model {name} with {wanted}", lambda: network.module(videos))
    if not isinstance(logits, Tensor) or logits.shape != (_TRIAL_VIDEOS, _TRIAL_CLASSES):
        raise UsageError(
            f"--model {name} gives {_text(logits)} for {_TRIAL_VIDEOS} {wanted} and {_TRIAL_CLASSES} "
            f"classes; its forward must return logits [N, K]"
        )
    if features:
        found = _attempt(f"embed of --model {name} with {wanted}", lambda: network.features(videos))
        if not isinstance(found, Tensor) or found.ndim != 2 or len(found) != _TRIAL_VIDEOS:
            raise UsageError(
                f"embed of --model {name} gives {_text(found)} for {_TRIAL_VIDEOS} {wanted}; "
                "it must return features [N, D]"
            )


def _factory(name: str) -> Callable[..., object]:
    module_name, _, attribute = name.partition(":")
    module = _attempt(
        f"--model {name}: import {module_name} (it must be installed, or its folder in PYTHONPATH)",
        lambda: importlib.import_module(module_name),
    )
    factory = getattr(module, attribute, None)
    if not callable(factory):
        raise UsageError(f"--model {name}: {module_name} has no function or class {attribute!r}")
    return factory  # type: ignore[no-any-return]


def _attempt(what: str, action: Callable[[], object]) -> Any:  # noqa: ANN401 - whatever the user's code returns
    """What `action`, which runs code of the user's, returns; any failure of it becomes one line."""
    try:
        return action()
    except UsageError:
        raise
    except Exception as error:
        first = str(error).partition("\n")[0]
        raise UsageError(f"{what} failed: {type(error).__name__}: {first}") from error


def _text(value: object) -> str:
    return f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
