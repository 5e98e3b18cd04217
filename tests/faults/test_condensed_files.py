"""Condensed sets, checkpoints and networks that somebody hostile, or a bad disk, has made."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file, save, save_file

from marks import case, fault
from vidcondense.checkpoint import load_checkpoint, save_checkpoint
from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.errors import FormatError, Interrupted
from vidcondense.files import canonical_json, sha256_of_file, write_json
from vidcondense.models import build_network
from vidcondense.models.saved import DESCRIPTION, WEIGHTS, NetworkDescription, load_network, save_network
from vidcondense.settings import CondenseOptions
from vidcondense.storage import manifest as manifests
from vidcondense.storage.condensed import PAYLOAD, load_condensed
from vidcondense.storage.import_tensors import ImportOptions, import_tensors
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.recode import recode
from vidcondense.storage.workspace import CHECKPOINT

pytestmark = pytest.mark.timeout(120)


def header(text, body=b""):
    """A safetensors file with any header."""
    encoded = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return len(encoded).to_bytes(8, "little") + encoded + body


def tensor(shape="[2]", offsets="[0,8]", dtype="F32"):
    return f'{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}'


MALFORMED = {
    "empty": b"",
    "short": b"\0\0\0",
    "truncated": header(tensor(), bytes(4)),
    "trailing bytes": header(tensor(), bytes(12)),
    "a header of 2^62 bytes": (2**62).to_bytes(8, "little") + b"{}",
    "a header beyond the end": (10_000).to_bytes(8, "little") + b"{}",
    "bad JSON": header("{"),
    "bad UTF-8": header(b'{"\xff":1}'),
    "a shape that overflows": header(tensor(shape="[4294967296,4294967296]"), bytes(8)),
    "a shape that does not fit": header(tensor(shape="[3]"), bytes(8)),
    "a negative offset": header(tensor(offsets="[-8,0]"), bytes(8)),
    "tensors that overlap": header(
        '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],'
        '"data_offsets":[4,12]}}',
        bytes(12),
    ),
    "a hole": header(tensor(offsets="[4,12]"), bytes(12)),
    "an unknown type": header(tensor(dtype="X7"), bytes(8)),
}


@pytest.fixture
def made(small_set, tmp_path):
    """A condensed set, to spoil."""
    return Path(shutil.copytree(small_set, tmp_path / "set"))


def reseal(folder, change=lambda manifest: None):
    """Change a manifest, and let it state the right size and hashes again, as somebody hostile would."""
    path, payload = folder / MANIFEST, folder / PAYLOAD
    manifest = json.loads(path.read_text())
    if payload.is_file():
        manifest["payload"][0] |= {"bytes": payload.stat().st_size, "sha256": sha256_of_file(payload)}
    change(manifest)
    manifest.pop("sha256")
    manifest["sha256"] = manifests._own_hash(manifest)
    path.write_text(canonical_json(manifest))


def refused(folder, words="."):
    with pytest.raises(FormatError, match=words):
        load_condensed(folder)


@pytest.mark.parametrize(
    "content",
    [
        case(f"49{letter}", f"safetensors: {name}", "refused", content)
        for letter, (name, content) in zip(["", *"bcdefghijklmn"], MALFORMED.items(), strict=True)
    ],
)
def test_malformed_payload(made, content):
    (made / PAYLOAD).write_bytes(content)
    reseal(made)
    refused(made, PAYLOAD)


@pytest.mark.parametrize(
    "change",
    [
        case("50", "a tensor too many", "refused", lambda t: t.update(more=torch.zeros(1))),
        case("50b", "another shape", "refused", lambda t: t.update(low=torch.zeros(3))),
        case("50c", "another type", "refused", lambda t: t.update(low=torch.zeros(2).double())),
        case("50d", "a tensor too few", "refused", lambda t: t.pop("low")),
        case("50e", "NaN", "refused", lambda t: t.update(low=torch.full((2,), torch.nan))),
        case("50u", "a pixel of 2e38", "refused", lambda t: t.update(high=torch.full((2,), 2e38))),
        case(
            "50f",
            "a range wider than float32",
            "refused",
            lambda t: t.update(low=torch.full((2,), -3e38), high=torch.full((2,), 3e38)),
        ),
    ],
)
def test_wrong_tensors(made, change):
    tensors = load_file(made / PAYLOAD)
    change(tensors)
    save_file(tensors, made / PAYLOAD)
    reseal(made)
    refused(made, PAYLOAD)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        case("50g", "a label that is no class", "refused", lambda m: m.update(labels=[0, 2]), "labels"),
        case(
            "50h",
            "videos of 8192 frames of 8192×8192",
            "refused before anything is allocated",
            lambda m: m.update(shape=[8192, 3, 8192, 8192], positions=[[0], [0]]),
            "shape",
        ),
        case(
            "50i",
            "4 096 videos of 8192 frames",
            "refused before anything is allocated",
            lambda m: m.update(shape=[8192, 3, 1, 1], labels=[0] * 2**12, positions=[[0]] * 2**12),
            "shape",
        ),
        case("50j", "a deviation of 0", "refused", lambda m: m.update(std=[0.0, 1.0, 1.0]), "std"),
        case("50k", "a deviation of 1e-300", "refused", lambda m: m.update(std=[1e-300, 1.0, 1.0]), "std"),
        case("50l", "a mean of 1e300", "refused", lambda m: m.update(mean=[1e300, 0.5, 0.5]), "mean"),
        case(
            "50m",
            "a class name that is no text",
            "refused",
            lambda m: m.update(classes=["\ud800", "b"]),
            "surrogates",
        ),
        case("50q", "a seed of 2^64", "refused", lambda m: m.update(seed=2**64), "seed"),
        case(
            "50r",
            "a representation that is no text",
            "refused",
            lambda m: m.update(representation=["key-frames"]),
            "representation",
        ),
        case(
            "52",
            "a newer format version",
            "refused: upgrade",
            lambda m: m.update(format_version=99),
            "upgrade vidcondense",
        ),
        case(
            "53",
            "a payload `../x`",
            "refused",
            lambda m: m["payload"][0].update(file="../x"),
            "must name",
        ),
        case(
            "53b",
            "a payload `/etc/passwd`",
            "refused",
            lambda m: m["payload"][0].update(file="/etc/passwd"),
            "must name",
        ),
    ],
)
def test_hostile_manifest(made, change, words):
    reseal(made, change)
    refused(made, words)


@fault("52b", "older format versions", "read: see docs/format.md")
def test_older_version(made):
    before = load_condensed(made).clips([0, 1])

    def older(manifest):
        del manifest["quality"], manifest["value_range"], manifest["labelling"]
        manifest["format_version"] = 2

    reseal(made, older)
    assert load_condensed(made).clips([0, 1]).equal(before)


@pytest.mark.parametrize(
    "text",
    [
        case("47", "JSON: deep nesting", "refused", "[" * 100_000),
        case("47b", "JSON: duplicate keys", "refused", '{"format": 1, "format": 1}'),
        case("47c", "JSON: NaN", "refused", '{"seed": NaN}'),
        case(
            "47d", "JSON: 1e999", "refused", '{"format": "vidcondense", "format_version": 3, "seed": 1e999}'
        ),
        case("47e", "JSON: an integer of 5000 digits", "refused", '{"seed": ' + "9" * 5000 + "}"),
        case("47f", "JSON: wrong types", "refused", '{"format": "vidcondense", "format_version": "3"}'),
        case("47g", "JSON: no object", "refused", "[]"),
    ],
)
def test_json_that_is_none_of_ours(made, text):
    (made / MANIFEST).write_text(text)
    refused(made, MANIFEST)


@pytest.mark.parametrize(
    "spoil",
    [
        case("53c", "a file that is a link", "refused", lambda path: _link(path)),
        case("53d", "a file that is a named pipe", "refused, at once", lambda path: _pipe(path)),
        case("53e", "a file that is a folder", "refused", lambda path: _folder(path)),
        case("53f", "a hole of 100 GB", "refused by its size", lambda path: os.truncate(path, 10**11)),
    ],
)
@pytest.mark.parametrize("name", [MANIFEST, PAYLOAD])
def test_no_regular_file(made, spoil, name):
    spoil(made / name)
    refused(made, name)


def _link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _pipe(path):
    path.unlink()
    os.mkfifo(path)


def _folder(path):
    path.unlink()
    path.mkdir()


class Evil:
    def __init__(self, sentinel):
        self.sentinel = sentinel

    def __reduce__(self):
        return os.system, (f"touch {self.sentinel}",)


@fault("54", "a pickle in the place of payload, weights or checkpoint", "refused; nothing in it runs")
def test_pickles_are_never_opened(made, tmp_path):
    sentinel = tmp_path / "ran"
    content = pickle.dumps(Evil(sentinel))
    (made / PAYLOAD).write_bytes(content)
    reseal(made)
    refused(made)
    (made / CHECKPOINT).write_bytes(content)
    with pytest.raises(FormatError):
        load_checkpoint(made / CHECKPOINT)
    network(tmp_path / "network")
    (tmp_path / "network" / WEIGHTS).write_bytes(content)
    described = json.loads((tmp_path / "network" / DESCRIPTION).read_text())
    described["sha256"] = sha256_of_file(tmp_path / "network" / WEIGHTS)
    write_json(tmp_path / "network" / DESCRIPTION, described)
    with pytest.raises(FormatError):
        load_network(tmp_path / "network", choose_compute("cpu"))
    assert not sentinel.exists()
    pickle.loads(content)
    assert sentinel.exists(), "the trap is real"


def network(folder):
    made = build_network("convnet3d", 2, num_frames=8, size=44, seed=0, compute=choose_compute("cpu"))
    save_network(
        folder,
        made,
        NetworkDescription(
            model="convnet3d",
            classes=("a", "b"),
            num_frames=8,
            size=44,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            origin={},
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        case("50n", "a network for videos of 10^9 pixels", "refused", {"size": 10**9}),
        case("50o", "a network of two means", "refused", {"mean": [0.5, 0.5]}),
        case("50p", "a network of no deviation", "refused", {"std": [0.0, 0.5, 0.5]}),
    ],
)
def test_hostile_network(tmp_path, change):
    network(tmp_path / "network")
    described = json.loads((tmp_path / "network" / DESCRIPTION).read_text())
    write_json(tmp_path / "network" / DESCRIPTION, described | change)
    with pytest.raises(FormatError, match=DESCRIPTION):
        load_network(tmp_path / "network", choose_compute("cpu"))


def sweep(path, whole, read, expected):
    """Flip a bit of every byte, and cut at every one: refused, or the same content."""
    stream = random.Random(0)
    outcomes = set()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << stream.randrange(8)
        path.write_bytes(damaged)
        try:
            found = read()
        except FormatError:
            outcomes.add("refused")
            continue
        outcomes.add("same")
        assert found == expected, f"byte {at}"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            found = read()
        except FormatError:
            continue
        assert found == expected, f"{length} bytes"
        assert length == len(whole) - 1, "only a line end may be missed"
    path.write_bytes(whole)
    assert read() == expected
    assert "refused" in outcomes


@pytest.fixture
def tiny(tmp_path):
    """A set of a few bytes: two videos of two key frames of 2×2 pixels."""
    torch.save(torch.rand(2, 2, 3, 2, 2, generator=torch.Generator().manual_seed(0)), tmp_path / "a.pt")
    options = ImportOptions(units="pixels")
    return import_tensors(tmp_path / "a.pt", tmp_path / "tiny", ("a", "b"), options, codec="uint8").folder


@fault("51", "one bit of any byte of a condensed set flipped; cut anywhere", "refused, or the same content")
@pytest.mark.parametrize("name", [MANIFEST, PAYLOAD])
def test_damaged_set(tiny, name):
    def read():
        found = load_condensed(tiny)
        return {**found.manifest, "pixels": found.clips([0, 1]).tolist()}

    whole = (tiny / name).read_bytes()
    assert len(whole) < 2500
    sweep(tiny / name, whole, read, read())


@fault("51c", "a compressed payload changed, with the right hashes", "refused, or read as other pixels")
@pytest.mark.parametrize("codec", ["lzma", "png", "webp-lossless", "jpeg", "webp", "avif"])
def test_hostile_compressed_payload(small_set, tmp_path, codec):
    """Whatever the decoders of Pillow and LZMA raise must come out as an error of ours."""
    folder = tmp_path / "set"
    recode(load_condensed(small_set), folder, codec)
    tensors, stream = load_file(folder / PAYLOAD), random.Random(0)
    whole = tensors["key_frames"]
    for _ in range(40):
        tensors["key_frames"] = whole.clone()
        for _ in range(3):
            at = stream.randrange(min(len(whole), 400) if stream.random() < 0.5 else len(whole))
            tensors["key_frames"][at] ^= 1 << stream.randrange(8)
        save_file(tensors, folder / PAYLOAD)
        reseal(folder)
        with contextlib.suppress(FormatError):
            assert load_condensed(folder).clips([0, 1]).isfinite().all()


@fault("51b", "one bit of any byte of a checkpoint flipped; cut anywhere", "refused, or the same content")
def test_damaged_checkpoint(tmp_path):
    path = tmp_path / CHECKPOINT
    tensors = {"a": torch.arange(60.0).view(3, 20), "mask": torch.tensor([True, False])}
    save_checkpoint(path, tensors, {"iteration": 3, "settings": {"lr": 0.5}})

    def read():
        tensors, state = load_checkpoint(path)
        return {name: values.tolist() for name, values in tensors.items()}, state

    sweep(path, path.read_bytes(), read, read())


@pytest.fixture
def interrupted(memory_clips, tmp_path):
    """A condensation that was interrupted: clips, the folder it will make, its options."""
    options = CondenseOptions(iterations=4, lr=1.0)

    def stop(event):
        if event["kind"] == "iteration" and event["iteration"] == 1:
            os.kill(os.getpid(), 15)

    with pytest.raises(Interrupted):
        condense(memory_clips(), tmp_path / "out", options, listener=stop)
    return memory_clips(), tmp_path / "out", options


def resign(path, change):
    """Change a checkpoint, and give it the right hash again."""
    tensors, state = load_checkpoint(path)
    change(tensors, state)
    save_checkpoint(path, tensors, state)


@pytest.mark.parametrize(
    "change",
    [
        case("56", "checkpoint without settings", "refused", lambda t, s: s.pop("settings")),
        case("56b", "checkpoint of iteration 10^9", "refused", lambda t, s: s.update(iteration=10**9)),
        case("56p", "checkpoint of 10^12 lines of log", "refused", lambda t, s: s.update(lines=10**12)),
        case("56c", "checkpoint of iteration -1", "refused", lambda t, s: s.update(iteration=-1)),
        case(
            "56d",
            "checkpoint with other shapes",
            "refused",
            lambda t, s: t.update({"videos.frames": torch.zeros(1)}),
        ),
        case(
            "56e",
            "checkpoint with other types",
            "refused",
            lambda t, s: t.update({"videos.mask": torch.ones_like(t["videos.mask"], dtype=torch.float32)}),
        ),
        case("56f", "checkpoint without videos", "refused", lambda t, s: t.pop("videos.frames")),
        case("56g", "checkpoint with more tensors", "refused", lambda t, s: t.update(x=torch.zeros(1))),
        case(
            "56h",
            "checkpoint with a momentum that is broadcast",
            "refused",
            lambda t, s: t.update({"momentum.0": torch.zeros(1)}),
        ),
        case(
            "56i",
            "checkpoint with NaN",
            "refused",
            lambda t, s: t["videos.frames"].fill_(torch.nan),
        ),
    ],
)
def test_hostile_checkpoint(interrupted, change):
    clips, out, options = interrupted
    resign(out.with_name("out.partial") / CHECKPOINT, change)
    with pytest.raises(FormatError, match="checkpoint"):
        condense(clips, out, options, resume=True)
    assert (out.with_name("out.partial") / CHECKPOINT).exists()


@fault("56j", "half a checkpoint beside the whole one", "the whole one is used; the half goes away")
def test_half_written_checkpoint(interrupted):
    clips, out, options = interrupted
    half = out.with_name("out.partial") / f".{CHECKPOINT}.tmp-123"
    half.write_bytes(b"half")
    assert len(condense(clips, out, options, resume=True)) == 2
    assert not (out / half.name).exists()


@fault("56k", "a checkpoint without a hash", "refused")
def test_unsigned_checkpoint(tmp_path):
    path = tmp_path / CHECKPOINT
    save_checkpoint(path, {"a": torch.zeros(2)}, {"iteration": 0})
    path.write_bytes(save(load(path.read_bytes()), {"state": '{"iteration": 0}'}))
    with pytest.raises(FormatError, match="sha256"):
        load_checkpoint(path)
