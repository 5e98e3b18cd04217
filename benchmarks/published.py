"""The published loop of distribution matching over key frames, re-implemented to be compared with.

As the papers' public code does it, and no faster: a new random network every iteration, in float32 and in
torch's default memory layout; the classes one after another, each with its 64 real clips and its own small
batch of synthetic videos; one sum of losses, one backward pass, one step of SGD; then PRISM's insertion,
every frame in conflict at once. Nothing that was computed is used twice.

Networks, clips and noise come from the same random streams as the toolkit's, so that both can be compared
step by step (tests/benchmarks/test_published.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vidcondense import rng
from vidcondense.assembly import learned_videos
from vidcondense.compute import Compute
from vidcondense.insertion.conflict import Inserter
from vidcondense.interfaces import RealClips
from vidcondense.methods import METHODS
from vidcondense.models.convnet3d import WIDTH, ConvNet3D
from vidcondense.models.first_convolution import FirstConvolution
from vidcondense.settings import CondenseOptions

WIDTHS = {"convnet3d": WIDTH, "convnet3d-16": 16}


class PlainConvNet3D(ConvNet3D):
    """ConvNet3D in torch's default layout, `[N, C, T, H, W]` in memory, with torch's own gradients."""

    def __init__(self, num_classes: int, *, width: int) -> None:
        super().__init__(num_classes, width=width)
        (first,) = (module for module in self.modules() if isinstance(module, FirstConvolution))
        first.fast = False

    def _maps(self, videos: Tensor) -> Tensor:
        maps: Tensor = self.features(videos.transpose(1, 2).contiguous())
        return maps


@dataclass(frozen=True)
class Step:
    """What one iteration found.

    Attributes:
        loss: summed over the classes, float32, with its graph gone.
        gradient: of that sum in the rendered videos, `[N, T, C, H, W]`.
    """

    loss: Tensor
    gradient: Tensor


class PublishedLoop:
    """Condensation by the published loop.

    Args:
        real: the training clips.
        options: of a condensation by PRISM; the class means are matched, in a ConvNet3D.
        device: where it runs.
    """

    def __init__(self, real: RealClips, options: CondenseOptions, device: torch.device) -> None:
        self.real = real
        self.options = options
        self.device = device
        (stage,) = METHODS["prism"].stages
        self.videos = learned_videos(stage, real, options, Compute(device, "float32"))
        self.inserter = Inserter(options.insert, options.iterations, self.videos.mask, options.seed)
        self.optimiser = torch.optim.SGD(
            self.videos.parameters(), lr=options.lr_of(stage), momentum=options.momentum
        )
        self.iteration = 0

    def step(self) -> Step:
        """Do one iteration."""
        network = self.network(self.iteration)
        rendered = self.videos.render()
        rendered.retain_grad()  # the rule of insertion looks at it
        loss = torch.zeros((), device=self.device)
        for label in range(len(self.real.classes)):
            loss = loss + self.class_loss(network, rendered, label)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        gradient = rendered.grad
        assert gradient is not None, "it was asked for"
        self.inserter.after_step(self.videos, gradient, self.iteration)
        self.iteration += 1
        return Step(loss.detach(), gradient)

    def class_loss(self, network: ConvNet3D, rendered: Tensor, label: int) -> Tensor:
        """‖mean feature of a class's real clips − mean feature of its synthetic videos‖²."""
        own = self.real.indices_of(label)
        stream = rng.generator(self.options.seed, "real", self.iteration, label)
        drawn = own[torch.randperm(len(own), generator=stream)[: self.options.match.real_batch_of("dm")]]
        with torch.no_grad():
            real = network.embed(self.real.batch(drawn).to(self.device)).mean(dim=0)
        videos = rendered[(self.videos.labels == label).to(self.device)]
        return (real - network.embed(videos).mean(dim=0)).square().sum()

    def network(self, iteration: int) -> ConvNet3D:
        """The random network of an iteration, frozen."""
        with rng.isolated(rng.derive_seed(self.options.seed, "network", iteration), torch.device("cpu")):
            network = PlainConvNet3D(len(self.real.classes), width=WIDTHS[self.options.match.model])
        return network.to(self.device).eval().requires_grad_(False)
