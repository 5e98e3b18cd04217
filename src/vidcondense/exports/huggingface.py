"""A folder that Hugging Face's `datasets` loads without code, with a card.

Videos are files, and what is known of them is in `metadata.jsonl`: the hub shows such a folder, writing it
needs no further dependency (Parquet would need pyarrow), and JSON keeps lists and class names of any
characters, where CSV leaves much to each reader.
"""

from __future__ import annotations

import json

from vidcondense.errors import UsageError
from vidcondense.exports.options import ExportOptions
from vidcondense.exports.videos import ENCODINGS, Files, pictures, stem
from vidcondense.exports.webdataset import facts
from vidcondense.markdown import markdown
from vidcondense.storage.condensed import CondensedDataset

FOLDER = "data/train"
"""Where the videos lie; the name of the split is taken from it."""

_SIZES = ((1000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))

_CARD = """# A condensed video dataset

{videos} synthetic or selected videos for {classes} classes, made by vidcondense to train an
action-recognition network in the place of many more real ones. What was learned from noise looks like noise.

```python
from datasets import load_dataset

videos = load_dataset("path/to/this/folder", split="train")
```

| | |
|---|---|
| method | {method} |
| videos | {videos}, {vpc} per class |
| a video | {frames} frames of {width}×{height} pixels, {coding} |
| columns | `video`, `label`, `class`, `key_frames`{soft} |
| normalisation | mean {mean}, deviation {std} of the real training videos, in [0, 1] |
| mirroring keeps the label | {flip} |
| set | sha256 {sha256} |

`key_frames` are the frames that were stored in the set, from 0; those between were interpolated.

## Classes

{names}

## Licence

{licence}

## Results

None are stated here. How such a set is judged: `vidcondense evaluate`.
"""

_CODINGS = {
    "mp4": "lossless (H.264, RGB; decoders of ffmpeg read it, few browsers do)",
    "preview": "lossy (H.264), for looking at",
}


def as_huggingface(made: CondensedDataset, options: ExportOptions) -> Files:
    """README.md, and in data/train a file per video and metadata.jsonl.

    Raises:
        UsageError: `options.video` is npy, which no folder of videos can hold.
    """
    name = options.video or "mp4"
    if name not in ENCODINGS:
        raise UsageError(f"--video {name}: huggingface holds mp4 or preview; --to webdataset holds npy")
    yield "README.md", _card(made, options, _CODINGS[name]).encode()
    chosen = ENCODINGS[name]
    rows = []
    for index in range(len(made)):
        file = f"{stem(index)}.{chosen.ending}"
        rows.append(json.dumps({"file_name": file, **facts(made, index)}, allow_nan=False))
        yield f"{FOLDER}/{file}", chosen.encode(pictures(made, index), options.fps)
    yield f"{FOLDER}/metadata.jsonl", "".join(f"{row}\n" for row in rows).encode()


def _card(made: CondensedDataset, options: ExportOptions, coding: str) -> str:
    head = {
        "license": options.licence,
        "task_categories": ["video-classification"],
        "tags": ["dataset-condensation", "dataset-distillation", "vidcondense"],
        "size_categories": [next((name for limit, name in _SIZES if len(made) < limit), "n>100K")],
        "configs": [
            {"config_name": "default", "data_files": [{"split": "train", "path": f"{FOLDER}/*"}]},
        ],
    }
    # JSON in one line is YAML, too; nothing here comes from the set.
    lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in head.items())
    return f"---\n{lines}\n---\n\n{_body(made, options, coding)}"


def _body(made: CondensedDataset, options: ExportOptions, coding: str) -> str:
    frames, _, height, width = made.shape
    licence = (
        "The licence of the source videos is unknown. A condensed set is derived from them: find out before "
        "you share it."
        if options.licence == "unknown"
        else f"{options.licence}, as stated by whoever exported this. A condensed set is derived from its "
        "source videos."
    )
    return _CARD.format(
        videos=len(made),
        classes=len(made.classes),
        method=markdown(str(made.manifest["method"])),
        vpc=f"{made.vpc:g}",
        frames=frames,
        width=width,
        height=height,
        coding=coding,
        soft=", `soft_label`" if made.video_labels is not None else "",
        mean=_numbers(made.manifest["mean"]),
        std=_numbers(made.manifest["std"]),
        flip="yes" if made.flip else "no",
        sha256=made.manifest["sha256"],
        names="\n".join(f"{label}. {markdown(name)}" for label, name in enumerate(made.classes)),
        licence=licence,
    )


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
