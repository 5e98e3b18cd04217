from __future__ import annotations

import json

import pytest
import torch

from vidcondense.errors import FormatError, UsageError
from vidcondense.files import canonical_json
from vidcondense.storage import manifest as manifests
from vidcondense.storage.condensed import Origin, load_condensed, save_condensed
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.static_dynamic import PAYLOAD
from vidcondense.synthetic.static_dynamic import StaticDynamicVideos

MEAN, STD = (0.25, 0.5, 0.75), (0.5, 0.25, 0.125)
ORIGIN = Origin(
    method="static-dynamic",
    options={},
    seed=3,
    classes=("a", "b"),
    mean=MEAN,
    std=STD,
    flip=False,
    data={},
    versions={},
)


def make(folder, codec="float32"):
    static = torch.randn(6, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    videos = StaticDynamicVideos(static, 7, torch.tensor([0, 1, 1]), convolution_lr=0.1, seed=0)
    with torch.no_grad():
        videos.weight += 0.1 * torch.randn(videos.weight.shape, generator=torch.Generator().manual_seed(1))
        videos.bias += 0.5
    save_condensed(folder, videos, codec, ORIGIN)
    return videos


def reseal(folder, change):
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    manifest["sha256"] = manifests._own_hash(manifest)
    (folder / MANIFEST).write_text(canonical_json(manifest))


@pytest.mark.parametrize(
    ("codec", "tolerance"),
    [("float32", 1e-5), ("float16", 1e-2), ("uint8", 0.1), ("png", 0.1), ("lzma", 0.1)],
)
def test_what_is_read_back_renders_as_what_was_written(tmp_path, codec, tolerance):
    videos = make(tmp_path, codec)
    dataset = load_condensed(tmp_path)
    assert dataset.labels.tolist() == [0] * 4 + [1] * 8
    assert dataset.vpc == 1.5  # of what was learned, as `compare` counts, not of the pairs
    rendered = dataset.batch(range(12))
    for iteration in range(5):  # whatever pairs are drawn, they are in the set
        for number, video in enumerate(videos.render(iteration).detach()):
            own = rendered[4 * number : 4 * number + 4]
            assert min(float((video - kept).abs().max()) for kept in own) < tolerance
    clip, label = dataset[5]
    assert clip.shape == (7, 3, 5, 4)
    assert label == 1
    units = (clip - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(units, rendered[5])


@pytest.mark.parametrize(("codec", "width"), [("float32", 4), ("float16", 2), ("uint8", 1)])
def test_everything_is_counted(tmp_path, codec, width):
    make(tmp_path, codec)
    dataset = load_condensed(tmp_path)
    memory, convolution = 6 * 3 * 5 * 4 + 6 * 7 * 5 * 4, 3 * 4 * 27 + 3
    assert dataset.paper_mb == pytest.approx((memory + convolution) * 4 / 2**20)
    assert dataset.bytes == sum((tmp_path / name).stat().st_size for name in (MANIFEST, PAYLOAD))
    ranges = 2 * 12 * 4 if codec == "uint8" else 0
    assert (tmp_path / PAYLOAD).stat().st_size > memory * width + convolution * 4 + ranges


def test_it_has_no_key_frames(tmp_path):
    make(tmp_path)
    dataset = load_condensed(tmp_path)
    assert dataset.representation == "static-dynamic"
    assert dataset.shape == (7, 3, 5, 4)
    assert dataset.positions == [[]] * 12
    with pytest.raises(UsageError, match="has no key frames"):
        _ = dataset.key_frames
    with pytest.raises(UsageError, match="has no key frames"):
        _ = dataset.mask


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("pairs"), "'pairs' is missing"),
        (lambda m: m["pairs"].pop(), "'pairs' has a value"),
        (lambda m: m["pairs"].__setitem__(0, [6, 0]), "'pairs' has a value"),
        (lambda m: m["pairs"].__setitem__(0, [0, -1]), "'pairs' has a value"),
        (lambda m: m["pairs"].__setitem__(0, [0, True]), "'pairs' has a value"),
        (lambda m: m["pairs"].__setitem__(0, [0]), "'pairs' has a value"),
        (lambda m: m.update(static_images=0), "'static_images' has a value"),
        (lambda m: m.update(static_images=10**12), "'static_images' has a value"),
        (lambda m: m.update(dynamic_memories=True), "'dynamic_memories' has a value"),
        (lambda m: m.update(dynamic_memories=7), "'dynamic' has not the shape"),
        (lambda m: m.update(shape=[8, 3, 5, 4]), "'dynamic' has not the shape"),
        (lambda m: m.update(representation="key-frames"), "'positions' is missing"),
        (lambda m: m["payload"][0].update(file="key_frames.safetensors"), "'payload' must name"),
    ],
)
def test_manifest_that_contradicts_itself_fails(tmp_path, change, message):
    make(tmp_path)
    reseal(tmp_path, change)
    with pytest.raises(FormatError, match=message):
        load_condensed(tmp_path)
