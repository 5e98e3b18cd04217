from __future__ import annotations

import pytest
import torch

from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.synthetic.codec_model import CodecModel
from vidcondense.synthetic.keyframes import KeyFrameVideos
from vidcondense.synthetic.static_dynamic import StaticDynamicVideos

MEAN, STD = torch.tensor([0.4, 0.5, 0.6])[:, None, None], torch.tensor([0.2, 0.25, 0.3])[:, None, None]
MASK = torch.tensor([[1, 0, 1], [1, 1, 1]]).bool()
OWNER = torch.tensor([0, 0, 1, 1, 1])


def model(**changes):
    return CodecModel(**({"mean": MEAN, "std": STD, "top": 255, "value_range": "video"} | changes))


def frames_of(size, seed=0):
    smooth = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(smooth, (size, size), mode="bilinear")


def stored(frames, codec, coding):
    """What the codec itself gives back, in network units."""
    pixels = frames * STD + MEAN
    owner = OWNER if coding.value_range == "video" else torch.zeros_like(OWNER)
    payload = CODECS[codec].encode(pixels, owner, coding)
    return (CODECS[codec].decode(payload, owner, tuple(frames.shape), coding) - MEAN) / STD


@pytest.mark.parametrize("value_range", ["video", "set"])
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_levels_are_those_that_are_stored(bits, value_range):
    frames = frames_of(8)
    coding = Coding(bits=bits, value_range=value_range)
    found = model(top=coding.top, value_range=value_range)(frames, OWNER)
    torch.testing.assert_close(found, stored(frames, "uint8", coding), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [8, 16, 40])
def test_jpeg_is_nearer_to_what_is_stored_than_the_frames_are(size):
    frames = frames_of(size)
    expected = stored(frames, "jpeg", Coding(quality=40))
    found = model(quality=40)(frames, OWNER)
    assert (found - expected).square().mean() < 0.3 * (frames - expected).square().mean()


def test_rounding_lets_gradients_through_as_they_are():
    frames = frames_of(8).requires_grad_()
    weights = torch.randn(frames.shape, generator=torch.Generator().manual_seed(1))
    (model(top=3)(frames, OWNER) * weights).sum().backward()
    torch.testing.assert_close(frames.grad, weights)


def test_rate_is_weighed_and_falls_with_quality():
    frames = frames_of(16)
    one, two = (model(quality=50, rate_weight=weight).rate(frames, OWNER) for weight in (1.0, 2.0))
    assert float(two) == pytest.approx(2 * float(one))
    assert model(quality=10, rate_weight=1.0).rate(frames, OWNER) < one


@pytest.mark.parametrize("changes", [{"top": 3}, {"quality": 30, "rate_weight": 0.5}])
def test_key_frames_are_rendered_through_the_codec(changes):
    slots = torch.zeros(2, 3, 3, 16, 16)
    slots[MASK] = frames_of(16)
    codec = model(**changes)
    videos = KeyFrameVideos(slots, MASK, torch.tensor([0, 1]), codec=codec)
    coded = codec(frames_of(16), OWNER)
    rendered = videos.render()
    torch.testing.assert_close(rendered[0, [0, 2]], coded[:2])
    torch.testing.assert_close(rendered[0, 1], coded[:2].mean(dim=0))
    torch.testing.assert_close(rendered[1], coded[2:])
    penalty = videos.regulariser()
    if codec.rate_weight:
        torch.testing.assert_close(penalty, codec.rate(frames_of(16), OWNER))
    else:
        assert penalty is None
    rendered.sum().backward()
    assert videos.frames.grad[0, 1].abs().max() == 0
    assert videos.frames.grad[1].abs().max() > 0


def test_nothing_is_added_to_the_loss_without_a_codec():
    assert KeyFrameVideos(torch.zeros(2, 3, 3, 8, 8), MASK, torch.tensor([0, 1])).regulariser() is None
    static = StaticDynamicVideos(torch.zeros(2, 3, 8, 8), 4, torch.tensor([0]), convolution_lr=0.1, seed=0)
    assert static.regulariser() is None
