from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vidcondense.errors import FormatError, UsageError
from vidcondense.files import sha256_of_file
from vidcondense.storage.import_tensors import ImportOptions, import_tensors

MEAN, STD = (0.25, 0.5, 0.75), (0.5, 0.25, 0.125)
NORMALISED = {"mean": MEAN, "std": STD}


def videos(count=4):
    return torch.randn(count, 6, 3, 8, 10, generator=torch.Generator().manual_seed(0))


def in_pixels(values):
    return values.numpy().astype(np.float64) * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]


def bring_in(file, out, classes=("a", "b"), **options):
    codec = options.pop("codec", "float32")
    return import_tensors(file, out, classes, ImportOptions(**options), codec=codec)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_videos_in_the_order_of_the_classes(tmp_path, dtype):
    torch.save(videos().to(dtype), tmp_path / "images_best.pt")
    made = bring_in(tmp_path / "images_best.pt", tmp_path / "set", **NORMALISED)
    assert made.labels.tolist() == [0, 0, 1, 1]
    assert made.positions == [list(range(6))] * 4
    assert made.shape == (6, 3, 8, 10)
    np.testing.assert_allclose(made.clips(range(4)).numpy(), in_pixels(videos().to(dtype)), atol=1e-6)
    np.testing.assert_allclose(made.batch(range(4)).numpy(), videos().to(dtype).float().numpy(), atol=1e-5)
    assert tuple(made.mean.tolist()) == MEAN


def test_labels_of_a_second_file(tmp_path):
    torch.save(videos(), tmp_path / "images_best.pt")
    torch.save(torch.tensor([1, 0, 2, 1]), tmp_path / "labels_best.pt")
    options = {**NORMALISED, "labels": tmp_path / "labels_best.pt"}
    made = bring_in(tmp_path / "images_best.pt", tmp_path / "set", ("x", "y", "z"), **options)
    assert made.labels.tolist() == [1, 0, 2, 1]
    assert made.soft_labels is None


def test_probabilities_are_soft_labels(tmp_path):
    rows = videos()[:, 0, 0, 0, :2].softmax(dim=1)
    torch.save({"image": videos(), "label": rows}, tmp_path / "a.pt")
    made = bring_in(tmp_path / "a.pt", tmp_path / "set", **NORMALISED)
    assert torch.equal(made.soft_labels, rows)
    assert made.labels.tolist() == [int(row[1] > row[0]) for row in rows]
    assert made.manifest["labelling"]["imported_sha256"] == sha256_of_file(tmp_path / "a.pt")
    assert made.label_kind == "teacher"


def test_experiments_of_one_file(tmp_path):
    pairs = [[videos()[:, number], torch.tensor([0, 0, 1, 1])] for number in range(2)]
    torch.save({"data": pairs, "accs_all_exps": {"ConvNet": [np.float64(0.5)]}}, tmp_path / "res.pt")
    options = {**NORMALISED, "num_frames": 5}
    made = bring_in(tmp_path / "res.pt", tmp_path / "set", experiment=1, **options)
    assert made.shape == (5, 3, 8, 10)
    assert made.positions == [[0]] * 4
    for frame in range(5):
        np.testing.assert_allclose(made.clips(range(4))[:, frame], in_pixels(videos())[:, 1], atol=1e-6)
    with pytest.raises(UsageError, match=r"--experiment 2: .* holds 2"):
        bring_in(tmp_path / "res.pt", tmp_path / "other", experiment=2, **options)


def test_bytes_are_pixels(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (4, 6, 3, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", levels)
    made = bring_in(tmp_path / "a.npy", tmp_path / "set", units="pixels", codec="uint8")
    assert np.array_equal(np.rint(made.clips(range(4)).numpy() * 255), levels)
    np.testing.assert_allclose(made.mean.numpy(), (levels / 255).mean((0, 1, 3, 4)), rtol=1e-6)
    np.testing.assert_allclose(made.std.numpy(), (levels / 255).std((0, 1, 3, 4)), rtol=1e-6)
    with pytest.raises(UsageError, match="say --units pixels"):
        bring_in(tmp_path / "a.npy", tmp_path / "other", **NORMALISED)


def test_floats_in_pixels_stay_as_they_are(tmp_path):
    save_file({"images": videos()}, tmp_path / "a.safetensors")
    made = bring_in(tmp_path / "a.safetensors", tmp_path / "set", units="pixels", **NORMALISED)
    assert torch.equal(made.clips(range(4)), videos())
    assert tuple(made.std.tolist()) == STD


def test_manifest_says_where_it_comes_from(tmp_path):
    torch.save(videos(), tmp_path / "images_best.pt")
    manifest = bring_in(tmp_path / "images_best.pt", tmp_path / "set", **NORMALISED).manifest
    assert manifest["method"] == "imported"
    derived = manifest["options"]["derived"]
    assert derived["by"] == "import"
    assert derived["from"] == [
        {"file": "images_best.pt", "sha256": sha256_of_file(tmp_path / "images_best.pt")}
    ]
    assert str(tmp_path) not in str(manifest), "no paths"


@pytest.mark.parametrize(
    ("stored", "options", "kind", "message"),
    [
        (videos(5), {}, UsageError, "5 videos cannot be shared out evenly among 2"),
        (videos()[:, 0], {}, UsageError, "--num-frames 16"),
        (videos(), {"num_frames": 7}, UsageError, "videos of 6 frames"),
        (videos().transpose(1, 2), {}, FormatError, r"permute \[N, 3, T, H, W\] first"),
        (videos()[:, :, :1], {}, FormatError, r"shape \[4, 6, 1, 8, 10\]"),
        (videos()[:0], {}, FormatError, r"shape \[0, 6"),
        (videos().long(), {}, FormatError, "torch.int64"),
        (videos() / 0, {}, FormatError, "not finite"),
        ([videos()], {}, FormatError, "holds a list"),
        ({"a": videos()}, {}, FormatError, "holds a; expected 'images'"),
        ({"image": videos(), "label": torch.tensor([0, 1, 2, 0])}, {}, FormatError, "other than 0 to 1"),
        ({"image": videos(), "label": torch.tensor([0.5, 1, 1, 0])}, {}, FormatError, "other than 0 to 1"),
        ({"image": videos(), "label": torch.zeros(3)}, {}, FormatError, r"shape \[3\]"),
        ({"image": videos(), "label": torch.ones(4, 2)}, {}, FormatError, "apply the softmax"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, stored, options, kind, message):
    torch.save(stored, tmp_path / "a.pt")
    with pytest.raises(kind, match=message):
        bring_in(tmp_path / "a.pt", tmp_path / "set", **NORMALISED, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--units pixels"),
        ({"mean": MEAN}, "belong together"),
        ({"mean": MEAN, "std": (0.5, 0.0, 0.5)}, "--std 0.0"),
        ({"mean": (124.0, 1.0, 1.0), "std": STD}, "--mean 124.0"),
        ({"units": "pixels", "num_frames": 0}, "--num-frames 0"),
        ({"units": "pixels", "max_gb": float("nan")}, "--max-gb"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(UsageError, match=message):
        ImportOptions(**options)


@pytest.mark.parametrize("classes", [(), ("a", "a")])
def test_classes_are_named_once(tmp_path, classes):
    with pytest.raises(UsageError, match="--classes"):
        bring_in(tmp_path / "a.pt", tmp_path / "set", classes, **NORMALISED)
