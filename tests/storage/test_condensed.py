from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.utils.data import DataLoader

from marks import fault, installed
from vidcondense.errors import FormatError
from vidcondense.files import canonical_json, sha256_of_file
from vidcondense.storage import manifest as manifests
from vidcondense.storage.codecs import Coding
from vidcondense.storage.condensed import PAYLOAD, Origin, load_condensed, save_condensed, save_stored
from vidcondense.storage.manifest import MANIFEST
from vidcondense.synthetic.keyframes import KeyFrameVideos

MEAN, STD = (0.25, 0.5, 0.75), (0.5, 0.25, 0.125)
ORIGIN = Origin(
    method="prism",
    options={"lr": 10.0},
    seed=3,
    classes=("a", "b ü"),
    mean=MEAN,
    std=STD,
    flip=False,
    data={"layout": "folder"},
    versions={"vidcondense": "0"},
)
MASK = torch.tensor([[1, 0, 0, 0, 1], [1, 0, 1, 0, 1], [1, 1, 1, 1, 1], [1, 0, 0, 1, 1]]).bool()
LABELS = torch.tensor([0, 0, 1, 1])


def make(folder, codec="float32"):
    frames = torch.randn(4, 5, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    save_condensed(folder, KeyFrameVideos(frames, MASK, LABELS), codec, ORIGIN)
    return frames


def rendered_by_numpy(frames):
    """Pixel units, by numpy.interp."""
    out = np.empty(frames.shape, np.float64)
    pixels = frames.numpy() * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]
    for n in range(len(frames)):
        keys = MASK[n].nonzero().flatten().numpy()
        for index in np.ndindex(*frames.shape[2:]):
            out[(n, slice(None), *index)] = np.interp(np.arange(5), keys, pixels[(n, keys, *index)])
    return out


@pytest.mark.parametrize(("codec", "tolerance"), [("float32", 1e-5), ("float16", 2e-3), ("uint8", 1e-2)])
def test_what_is_read_back_renders_as_what_was_written(tmp_path, codec, tolerance):
    frames = make(tmp_path, codec)
    dataset = load_condensed(tmp_path)
    expected = rendered_by_numpy(frames)
    assert len(dataset) == 4
    for index in range(4):
        clip, label = dataset[index]
        assert clip.dtype == torch.float32
        assert label == LABELS[index]
        np.testing.assert_allclose(clip.numpy(), expected[index], atol=tolerance)
    units = (expected - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
    np.testing.assert_allclose(dataset.batch([2, 0]).numpy(), units[[2, 0]], atol=tolerance * 10)
    np.testing.assert_allclose(load_condensed(tmp_path, normalise=True)[1][0], units[1], atol=tolerance * 10)


def test_small_key_frames_are_stored_small_and_rendered_large(tmp_path):
    frames = torch.randn(4, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    videos = KeyFrameVideos(frames, MASK, LABELS, size=(16, 12))
    save_condensed(tmp_path, videos, "float32", ORIGIN)
    dataset = load_condensed(tmp_path)
    assert dataset.shape == (5, 3, 16, 12)
    assert dataset.key_frame_size == (4, 6)
    assert dataset.paper_mb == 13 * 3 * 4 * 6 * 4 / 2**20
    torch.testing.assert_close(dataset.batch([0, 1, 2, 3]), videos.render().detach(), atol=1e-4, rtol=1e-4)


def test_it_tells_what_it_is(tmp_path):
    make(tmp_path, "uint8")
    dataset = load_condensed(tmp_path)
    assert dataset.classes == ("a", "b ü")
    assert dataset.labels.tolist() == [0, 0, 1, 1]
    assert dataset.positions == [[0, 4], [0, 2, 4], [0, 1, 2, 3, 4], [0, 3, 4]]
    assert dataset.shape == (5, 3, 6, 7)
    assert dataset.vpc == 2
    assert dataset.flip is False
    assert dataset.mean.tolist() == list(MEAN)
    assert dataset.std.tolist() == list(STD)
    assert dataset.provenance["seed"] == 3
    assert dataset.paper_mb == 13 * 3 * 6 * 7 * 4 / 2**20
    assert dataset.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == [MANIFEST, PAYLOAD]
    assert load_file(tmp_path / PAYLOAD)["key_frames"].shape == (13, 3, 6, 7)


def test_it_is_a_dataset_for_any_data_loader(tmp_path):
    make(tmp_path)
    dataset = load_condensed(tmp_path)
    clips, labels = next(iter(DataLoader(dataset, batch_size=4)))
    assert clips.shape == (4, 5, 3, 6, 7)
    assert labels.tolist() == [0, 0, 1, 1]
    assert dataset[-1][0].equal(dataset[3][0])
    with pytest.raises(IndexError):
        dataset[4]


def test_same_content_same_bytes(tmp_path):
    for name in ("one", "two"):
        make(tmp_path / name)
    for name in (MANIFEST, PAYLOAD):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def reseal(folder, change):
    """Change a manifest and give it the right hash again, as somebody hostile would."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    manifest.pop("sha256", None)
    manifest["sha256"] = manifests._own_hash(manifest)
    path.write_text(canonical_json(manifest))


def test_resealing_itself_is_fine(tmp_path):
    make(tmp_path)
    reseal(tmp_path, lambda manifest: None)
    load_condensed(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(format="other"), "no manifest of a condensed set"),
        (lambda m: m.update(format_version=6), "upgrade vidcondense"),
        (lambda m: m.update(format_version=True), "upgrade vidcondense"),
        (lambda m: m.update(representation="keyframes"), "did you mean key-frames"),
        (lambda m: m.update(representation="static-dynamic"), "'static_images' is missing"),
        (lambda m: m.update(interpolation="cubic"), "'interpolation' has a value"),
        (lambda m: m.pop("positions"), "'positions' is missing"),
        (lambda m: m.pop("labels"), "'labels' is missing"),
        (lambda m: m.update(flip="yes"), "'flip' is missing or of the wrong type"),
        (lambda m: m.update(labels=[0, 0, 1, 2]), "'labels' has a value"),
        (lambda m: m.update(labels=[0, 0, 1, True]), "'labels' has a value"),
        (lambda m: m.update(shape=[5, 3, 6]), "'shape' has a value"),
        (lambda m: m.update(shape=[10**9, 3, 6, 7]), "'shape' has a value"),
        (lambda m: m.update(key_frame_size=[6]), "'key_frame_size' has a value"),
        (lambda m: m.update(key_frame_size=[6, 8]), "'key_frame_size' has a value"),
        (lambda m: m.update(key_frame_size=[3, 7]), "has not the shape"),
        (lambda m: m.update(std=[0.5, 0.0, 0.5]), "'std' has a value"),
        (lambda m: m["positions"].pop(), "'positions' has a value"),
        (lambda m: m["positions"].__setitem__(0, [0, 3]), "positions"),
        (lambda m: m["positions"].__setitem__(0, [0, 2, 2, 4]), "positions"),
        (lambda m: m["positions"].__setitem__(0, "04"), "positions"),
        (lambda m: m["positions"].__setitem__(0, []), "positions"),
        (lambda m: m["positions"].__setitem__(0, [4]), "positions"),
        (lambda m: m["positions"].__setitem__(0, [0, 1, 4]), "has not the shape"),
        (lambda m: m.update(codec="zip"), "codec"),
        (lambda m: m.update(quality=101), "'quality' has a value"),
        (lambda m: m.update(quality=True), "'quality' has a value"),
        (lambda m: m.update(bits=0), "'bits' has a value"),
        (lambda m: m.update(bits=True), "'bits' has a value"),
        (lambda m: m.update(bits=4), "--codec float32 has no such levels"),
        (lambda m: m.update(upsampling="nearest"), "'upsampling' has a value"),
        (lambda m: m.pop("quality"), "'quality' is missing"),
        (lambda m: m.update(value_range="frame"), "'value_range' has a value"),
        (lambda m: m.update(codec="uint8"), "holds"),
        (lambda m: m.update(codec="float16"), "float32, not torch.float16"),
        (lambda m: m.update(payload=[]), "'payload' must name"),
        (lambda m: m["payload"][0].update(file="../secret"), "'payload' must name"),
        (lambda m: m["payload"][0].update(bytes=1), "has not the size"),
        (lambda m: m["payload"][0].update(sha256="0" * 64), "damaged"),
    ],
)
def test_manifest_that_contradicts_itself_fails(tmp_path, change, message):
    make(tmp_path)
    reseal(tmp_path, change)
    with pytest.raises(FormatError, match=message):
        load_condensed(tmp_path)


def test_sets_of_format_version_1_are_read_as_linear_key_frames(tmp_path):
    make(tmp_path)
    before = load_condensed(tmp_path)

    def older(manifest):
        for name in ("representation", "interpolation", "upsampling", "quality", "value_range", "bits"):
            del manifest[name]
        manifest["format_version"] = 1

    reseal(tmp_path, older)
    after = load_condensed(tmp_path)
    assert after.representation == "key-frames"
    assert after.clips(range(4)).equal(before.clips(range(4)))


def test_sets_of_format_version_2_have_a_range_a_video(tmp_path):
    make(tmp_path, "uint8")
    before = load_condensed(tmp_path)

    def older(manifest):
        del manifest["quality"], manifest["value_range"], manifest["bits"], manifest["upsampling"]
        manifest["format_version"] = 2

    reseal(tmp_path, older)
    assert load_condensed(tmp_path).clips(range(4)).equal(before.clips(range(4)))


PACKED = installed(["lzma", "png", "webp-lossless", "jpeg", "webp", "avif", "jxl", "h264", "av1"])


def resave(folder, change):
    """Change the tensors of a payload and state its new size and hash, as somebody hostile would."""
    tensors = load_file(folder / PAYLOAD)
    change(tensors)
    save_file(tensors, folder / PAYLOAD)
    entry = {"bytes": (folder / PAYLOAD).stat().st_size, "sha256": sha256_of_file(folder / PAYLOAD)}
    reseal(folder, lambda manifest: manifest["payload"][0].update(entry))


@pytest.mark.parametrize("codec", PACKED)
def test_packed_frames_of_another_number_or_size_than_stated_are_refused(tmp_path, codec):
    make(tmp_path, codec)
    load_condensed(tmp_path)
    reseal(tmp_path, lambda m: m.update(key_frame_size=[6, 3]))
    with pytest.raises(FormatError, match=PAYLOAD):
        load_condensed(tmp_path)


@pytest.mark.parametrize("codec", PACKED)
def test_packed_frames_that_are_cut_are_refused(tmp_path, codec):
    make(tmp_path, codec)

    def cut(tensors):
        tensors["key_frames"] = tensors["key_frames"][:-50].clone()
        if "sizes" in tensors:
            tensors["sizes"] -= 50

    resave(tmp_path, cut)
    with pytest.raises(FormatError, match=r"damaged|numbers of the manifest"):
        load_condensed(tmp_path)


def older(manifest):
    del manifest["bits"], manifest["upsampling"]
    manifest["format_version"] = 3


def test_sets_of_format_version_3_have_256_levels(tmp_path):
    make(tmp_path, "lzma")
    before = load_condensed(tmp_path)
    reseal(tmp_path, older)
    assert load_condensed(tmp_path).clips(range(4)).equal(before.clips(range(4)))


def test_narrow_pictures_of_format_version_3_are_refused_wide_ones_are_read(tmp_path):
    make(tmp_path / "narrow", "png")
    reseal(tmp_path / "narrow", older)
    with pytest.raises(FormatError, match="format version 3, whose pictures 7 pixels wide"):
        load_condensed(tmp_path / "narrow")
    frames = torch.randn(4, 5, 3, 6, 17, generator=torch.Generator().manual_seed(0))
    save_condensed(tmp_path / "wide", KeyFrameVideos(frames, MASK, LABELS), "png", ORIGIN)
    before = load_condensed(tmp_path / "wide")
    reseal(tmp_path / "wide", older)
    assert load_condensed(tmp_path / "wide").clips(range(4)).equal(before.clips(range(4)))


@pytest.mark.parametrize("bits", [1, 4, 6])
def test_fewer_bits_take_fewer_bytes_and_they_are_counted(tmp_path, bits):
    frames = torch.randn(4, 5, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    save_condensed(tmp_path, KeyFrameVideos(frames, MASK, LABELS), "uint8", ORIGIN, Coding(bits=bits))
    dataset = load_condensed(tmp_path)
    assert load_file(tmp_path / PAYLOAD)["key_frames"].nbytes == -(-13 * 3 * 6 * 7 * bits // 8)
    assert dataset.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    pixels = frames[MASK] * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    width = max(1.0, float(pixels.max())) - min(0.0, float(pixels.min()))
    assert float((dataset.key_frames - pixels).abs().max()) <= width / (2**bits - 1) / 2 * 1.001


@pytest.mark.parametrize("sizes", [[-1], [0], [2**40], [1]])
def test_sizes_of_pictures_that_do_not_add_up_are_refused(tmp_path, sizes):
    make(tmp_path, "png")
    resave(tmp_path, lambda tensors: tensors.update(sizes=torch.tensor(sizes)))
    with pytest.raises(FormatError, match="do not add up"):
        load_condensed(tmp_path)


@fault("55b", "compressed frames that stand for 4 GB", "refused before they are unpacked")
@pytest.mark.parametrize("codec", PACKED)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, codec):
    make(tmp_path, codec)

    def larger(manifest):
        manifest.update(shape=[5, 3, 8192, 8192], key_frame_size=[8192, 8192])

    reseal(tmp_path, larger)
    resave(tmp_path, lambda tensors: tensors.update(sizes=torch.ones(13).long()) if "sizes" in tensors else 0)
    with pytest.raises(FormatError, match="stores up to"):
        load_condensed(tmp_path)


@pytest.mark.parametrize("codec", ["uint8", *PACKED])
def test_one_range_for_the_set(tmp_path, codec):
    coarse = torch.randn(20, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    frames = F.interpolate(coarse, (16, 16), mode="bilinear").view(4, 5, 1, 16, 16).expand(-1, -1, 3, -1, -1)
    videos = KeyFrameVideos(frames, MASK, LABELS)
    coding = Coding(quality=100, value_range="set")
    save_condensed(tmp_path, videos, codec, ORIGIN, coding)
    dataset = load_condensed(tmp_path)
    assert load_file(tmp_path / PAYLOAD)["low"].shape == (1,)
    assert dataset.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    off = (dataset.batch(range(4)) - videos.render().detach()).square().mean().sqrt()
    assert off < (0.15 if codec in ("jpeg", "webp", "avif", "jxl", "h264", "av1") else 0.02), (
        "of frames with deviation 1"
    )


def test_bicubic_sets_are_rendered_as_they_were_learned(tmp_path):
    frames = torch.randn(4, 5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    videos = KeyFrameVideos(frames, MASK, LABELS, (16, 12), upsampling="bicubic")
    save_condensed(tmp_path, videos, "float32", ORIGIN)
    dataset = load_condensed(tmp_path)
    torch.testing.assert_close(dataset.batch(range(4)), videos.render().detach(), atol=1e-4, rtol=1e-4)
    smooth = KeyFrameVideos(frames, MASK, LABELS, (16, 12)).render().detach()
    assert (dataset.batch(range(4)) - smooth).abs().max() > 0.1


@pytest.mark.parametrize("codec", ["float32", "float16", "uint8", "lzma", "png", "webp-lossless"])
def test_a_set_can_be_stored_again_by_another_codec(tmp_path, codec):
    make(tmp_path / "first")
    first = load_condensed(tmp_path / "first")
    save_stored(tmp_path / "second", first.stored, first.labels, codec, ORIGIN)
    second = load_condensed(tmp_path / "second")
    torch.testing.assert_close(second.clips(range(4)), first.clips(range(4)), atol=1e-2, rtol=1e-2)
    assert second.manifest["codec"] == codec


def test_folder_without_manifest_or_payload_fails(tmp_path):
    with pytest.raises(FormatError, match="no condensed set"):
        load_condensed(tmp_path)
    with pytest.raises(FormatError, match="does not exist"):
        load_condensed(tmp_path / "missing")
    make(tmp_path)
    (tmp_path / PAYLOAD).unlink()
    with pytest.raises(FormatError, match="cannot read"):
        load_condensed(tmp_path)


@pytest.mark.parametrize("codec", ["webp", "h264", "av1"])
def test_every_flipped_byte_of_a_small_set_is_refused_or_changes_nothing(tmp_path, codec):
    frames = torch.zeros(1, 2, 3, 8, 8)
    videos = KeyFrameVideos(frames, torch.ones(1, 2).bool(), torch.tensor([0]))
    save_condensed(tmp_path, videos, codec, ORIGIN)
    before = load_condensed(tmp_path)
    for path in (tmp_path / MANIFEST, tmp_path / PAYLOAD):
        whole = path.read_bytes()
        for place in range(len(whole)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
            with pytest.raises(FormatError):
                load_condensed(tmp_path)
        path.write_bytes(whole)
    assert load_condensed(tmp_path).clips([0]).equal(before.clips([0]))
