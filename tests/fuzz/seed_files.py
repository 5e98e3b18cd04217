"""Valid input of every kind, small, from which the hostile is made. No binary is committed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save, save_file

import bad_videos
from marks import installed
from vidcondense.checkpoint import _digest, save_checkpoint
from vidcondense.compute import Compute
from vidcondense.files import canonical_json
from vidcondense.models import build_network
from vidcondense.models.saved import DESCRIPTION, WEIGHTS, NetworkDescription, save_network
from vidcondense.recipe import Recipe, recipe_text
from vidcondense.storage import manifest as manifests
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.condensed import PAYLOAD, load_condensed
from vidcondense.storage.import_tensors import ImportOptions, import_tensors
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.recode import recode
from vidcondense.storage.workspace import LOG
from vidcondense.training.trajectories import ExpertRecord, expert_path, save_expert
from vidcondense.video.catalogue import CATALOGUE

Files = dict[str, bytes]
"""One input: files by their name."""

CPU = Compute(torch.device("cpu"), "float32")
VIDEO, CHECKPOINT, RECIPE, PLAN, LAYOUT = "video.mp4", "checkpoint", "recipe.toml", "plan.toml", "LAYOUT"
EVALUATED, COMPARED = "results.json", "compare.json"


def of_folder(folder: Path) -> Files:
    """What lies in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def videos(folder: Path) -> list[Files]:
    """Containers and codecs that people have, whole and cut short."""
    frames = bad_videos.numbered(12, 16, 24)
    encode = bad_videos.encode
    made = [
        bad_videos.good(),
        bad_videos.h264(frames, g="4", bf="2"),
        bad_videos.h264(frames, movflags="faststart"),
        bad_videos.h264(frames, movflags="frag_keyframe+empty_moov"),
        bad_videos.encode(frames, "matroska", "ffv1", "bgr0"),
        encode(frames, "avi", "mpeg4", "yuv420p"),
        encode(frames, "mov", "mjpeg", "yuvj420p"),
        bad_videos.two_streams(),
        bad_videos.rate_zero(),
        bad_videos.no_duration(),
        bad_videos.sizes_change(),
    ]
    return [{VIDEO: content} for content in made]


def stills(folder: Path) -> list[Files]:
    """Folders of three numbered images."""
    made = []
    for ending, options in (("jpg", {"quality": 80}), ("jpg", {"progressive": True}), ("png", {})):
        files: Files = {}
        for number, frame in enumerate(bad_videos.numbered(3, 16, 24)):
            path = folder / f"image.{ending}"
            Image.fromarray(frame).save(path, **options)
            files[f"img_{number:05d}.{ending}"] = path.read_bytes()
        made.append(files)
    return made


def condensed_sets(folder: Path) -> list[Files]:
    """A set in every codec that is installed here, and one with soft labels."""
    pixels = torch.rand(4, 6, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    torch.save(pixels, folder / "a.pt")
    torch.save({"image": pixels, "label": pixels[:, 0, 0, 0, :2].softmax(1)}, folder / "b.pt")
    options = ImportOptions(units="pixels")
    first = import_tensors(folder / "a.pt", folder / "a", ("a", "b"), options)
    import_tensors(folder / "b.pt", folder / "b", ("a", "b"), options, codec="uint8")
    codecs = installed(CODECS)
    for codec in codecs:
        recode(load_condensed(first.folder), folder / codec, codec)
    return [of_folder(folder / name) for name in ("a", "b", *codecs)]


def seal_set(files: Files) -> Files:
    """Hashes and sizes that fit, as somebody hostile would state them; nothing where there is no manifest."""
    try:
        manifest = json.loads(files[MANIFEST])
        payload = files[PAYLOAD]
        if isinstance(manifest.get("payload"), list) and isinstance(manifest["payload"][0], dict):
            manifest["payload"][0] |= {"bytes": len(payload), "sha256": _sha256(payload)}
        manifest["sha256"] = manifests._own_hash(manifest)
        return {**files, MANIFEST: canonical_json(manifest).encode()}
    except (ValueError, KeyError, IndexError, AttributeError, RecursionError):
        return files


def checkpoints(folder: Path) -> list[Files]:
    """What condensations save."""
    tensors = {"videos.frames": torch.arange(60.0).view(3, 20), "mask": torch.tensor([True, False])}
    save_checkpoint(folder / "a", tensors, {"iteration": 3, "settings": {"lr": 0.5, "classes": ["a", "b"]}})
    save_checkpoint(folder / "b", {"x": torch.zeros(0), "y": torch.ones(1, dtype=torch.int64)}, {})
    save_checkpoint(folder / "c", {"half": torch.ones(2, 2, dtype=torch.bfloat16)}, {"iteration": 1})
    return [{CHECKPOINT: (folder / name).read_bytes()} for name in "abc"]


def sign_checkpoint(files: Files) -> Files:
    """The same tensors and state under the right hash; nothing where they cannot be read."""
    content = files[CHECKPOINT]
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        state = json.loads(content[8 : 8 + length])["__metadata__"]["state"]
        return {CHECKPOINT: save(tensors, {"state": state, "sha256": _digest(tensors, state)})}
    except Exception:  # whatever it is, it is an input as it stands
        return files


def experts(folder: Path) -> list[Files]:
    """Two trajectories of a small network."""
    record = ExpertRecord(
        model="own:network",
        classes=("a", "b"),
        shape=(2, 3, 4, 4),
        mean=(0.1, 0.2, 0.3),
        std=(0.5, 0.5, 0.5),
        clips=(3, 4),
        options={"epochs": 2, "lr": 0.1},
        data={"clip": {"size": 4}},
        expert=0,
        losses=(1.5, 0.5),
        versions={"torch": "x"},
    )
    for number in range(2):
        weights = {"weight": torch.full((3, 4, 3), 0.5 + number), "bias": torch.zeros(3, 4)}
        save_expert(expert_path(folder, number), weights, dataclasses.replace(record, expert=number))
    return [of_folder(folder)]


def networks(folder: Path) -> list[Files]:
    """A saved network of each of two kinds."""
    made = []
    for model, size in (("convnet3d", 44), ("cnn-gru", 64)):
        network = build_network(model, num_classes=3, num_frames=8, size=size, seed=1, compute=CPU)
        what = NetworkDescription(
            model=model,
            classes=("a", "b", "c"),
            num_frames=8,
            size=size,
            mean=(0.4, 0.5, 0.6),
            std=(0.2, 0.25, 0.3),
            origin={"seed": 7},
        )
        save_network(folder / model, network, what)
        made.append(of_folder(folder / model))
    return made


def seal_network(files: Files) -> Files:
    """The right hash of the weights in the description, where there is one."""
    try:
        description = json.loads(files[DESCRIPTION])
        description["sha256"] = _sha256(files[WEIGHTS])
        return {**files, DESCRIPTION: json.dumps(description).encode()}
    except (ValueError, TypeError, RecursionError):
        return files


def tensor_files(folder: Path) -> list[Files]:
    """What published code stores."""
    pixels = torch.rand(4, 2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 0, 1])
    stored = {
        "a.pt": pixels,
        "b.pt": {"image": pixels.half(), "label": labels},
        "c.pt": {"data": [[pixels[:, 0], labels]], "accs_all_exps": {"ConvNet": [np.float64(0.5)]}},
        "d.pth": torch.nn.Parameter(pixels),
        "e.pt": {"images": (255 * pixels).byte(), "labels": pixels[:, 0, 0, 0, :2].softmax(1)},
    }
    for name, value in stored.items():
        torch.save(value, folder / name)
    save_file({"images": pixels, "labels": labels}, folder / "f.safetensors")
    np.save(folder / "g.npy", pixels.numpy())
    return [{name: content} for name, content in of_folder(folder).items()]


def lists(folder: Path) -> list[Files]:
    """The example of every layout that has lists: these, and empty files for the videos."""
    return [
        {**{path: text.encode() for path, text in about.files}, LAYOUT: name.encode()}
        for name, about in CATALOGUE.items()
        if any(text for _, text in about.files)
    ]


def recipes(folder: Path) -> list[Files]:
    """All options of a recipe, and a few of another."""
    few = "lr = 3.0\niterations = 99\nvpc = 2\nmethod = 'dm'\nclasses = ['a', 'b']\nlayout = \"ucf101\"\n"
    return [{RECIPE: recipe_text(Recipe(), "a comment").encode()}, {RECIPE: few.encode()}]


def plans(folder: Path) -> list[Files]:
    """A comparison with everything in it."""
    text = """
repeats = 2
networks = 3
baseline = "random"
folds = 4

[condense]
num-frames = 8
iterations = 7

[evaluate]
steps = 20
model = ["convnet3d", "cnn-gru"]

[full-data]
repeats = 1
steps = 50

[sets.random]
method = "random"
vpc = [1, 5]

[sets."PRISM (a/b)"]
recipe = "recipe.toml"
codec = ["float32", "uint8"]
epsilon = [0.0, 0.1]
"""
    return [{PLAN: text.encode(), **each} for each in recipes(folder)[1:]]


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def results(folder: Path) -> list[Files]:
    """What `evaluate` and `compare` write, as far as it is read again."""
    spread = {"std": 2.5, "ci_low": 72.5, "ci_high": 77.5, "group_ci_low": 70.0, "group_ci_high": 80.0}
    row = {"name": "prism", "n": 2, "repeat": "network", "accuracy": 75.0, "train_accuracy": 100.0, **spread}
    row |= {
        "networks": 2,
        "diverged": 0,
        "clips": 4,
        "vpc": 1,
        "paper_mb": 0.1,
        "bytes": 900,
        "model": "convnet",
    }
    evaluation = {
        "options": {"model": "convnet", "steps": 20, "seed": 3},
        "classes": ["a", "b"],
        "per_class": [0.5, None],
        "repeats": [{"confusion": [[0, 0, 3], [0, 1, 1], [1, 1, 4]]}],
    }
    judged = {"name": "prism", "evaluation": evaluation, "sha256": "0" * 64}
    evaluated = {
        "table": [row],
        "sets": [judged],
        "controls": [judged],
        "chance": 0.5,
        "protocol": "strict",
        "seed": 7,
    }
    rows = [
        {**row, "codec": "uint8", "method": method, "accuracies": {"0": 0.7, "1": 0.8}}
        for method in ("prism", "random")
    ]
    compared = {"rows": rows, "commands": {"prism-0": ["vidcondense", "compare", "plan.toml"]}}
    return [{EVALUATED: json.dumps(evaluated).encode()}, {COMPARED: json.dumps(compared).encode()}]


def logs(folder: Path) -> list[Files]:
    """A set and the log of its condensation."""
    pixels = torch.rand(2, 6, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    torch.save(pixels, folder / "a.pt")
    import_tensors(folder / "a.pt", folder / "a", ("a", "b"), ImportOptions(units="pixels"))
    cosines = {"cosine_before": -0.5, "cosine_after": 0.25}
    events = [{"kind": "iteration", "iteration": number, "loss": 1.5, "clips": 4} for number in range(3)]
    events += [{"kind": "insertion", "iteration": 2, "video": 1, "frame": 3, **cosines}]
    return [of_folder(folder / "a") | {LOG: "".join(json.dumps(each) + "\n" for each in events).encode()}]
