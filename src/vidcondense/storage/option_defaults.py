"""What a manifest leaves out of a condensation's options: those that a table here has.

The tables are frozen: they say what is meant by sets that were written with them, whatever the defaults of
options are today. Other defaults of a later version may get a table of their own; none is ever changed.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Options = Mapping[str, Any]

NEWEST = 3
"""The table that sets are written with."""

_FIRST: Options = {
    "method": "prism",
    "vpc": 1,
    "init": None,
    "iterations": 5000,
    "lr": None,
    "momentum": 0.95,
    "init_scale": 1.0,
    "initial_key_frames": None,
    "key_frame_size": None,
    "interpolation": "linear",
    "upsampling": "bilinear",
    "codec": "uint8",
    "quality": 75,
    "value_range": "video",
    "bits": 8,
    "codec_aware": False,
    "rate_weight": 0.0,
    "budget": None,
    "seed": 0,
    "match": {
        "match": None,
        "real_batch": 64,
        "match_targets": "class",
        "model": "convnet3d",
        "pool": 1,
        "uses": 1,
        "outer_steps": 1,
        "inner_steps": 1,
        "network_lr": 0.01,
        "chunk": None,
        "trajectory": {
            "experts": None,
            "expert_epochs": 2,
            "max_start_epoch": 10,
            "synthetic_steps": 10,
            "synthetic_batch": 64,
            "step_size": 0.01,
            "step_size_lr": 0.05,
        },
    },
    "kernel": {
        "label_lr": 0.01,
        "ridge": 1e-06,
        "online_pool": 10,
        "max_online": 100,
        "online_lr": 0.0003,
    },
    "insert": {
        "insertion": "conflict",
        "epsilon": 0.0,
        "warmup": 0.2,
        "cooldown": 0.2,
        "max_key_frames": None,
        "max_per_iteration": None,
        "patience": 1,
        "cosine_ema": 0.0,
        "match_gradient": "rendered",
    },
    "static_dynamic": {
        "static_iterations": 1000,
        "static_lr": 0.1,
        "static_model": "convnet",
        "convolution_lr": 1e-05,
    },
    "select": {
        "features": "random",
        "feature_networks": None,
        "feature_steps": 500,
        "draws": 8,
        "draw_networks": 1,
        "draw_steps": 200,
    },
}

_SECOND: Options = {
    **{name: value for name, value in _FIRST.items() if name != "interpolation"},
    "match": {**_FIRST["match"], "real_batch": None},
}

_THIRD: Options = {**_SECOND, "match": {**_SECOND["match"], "siamese": False}}

TABLES: Mapping[int, Options] = {1: _FIRST, 2: _SECOND, 3: _THIRD}


def without_defaults(options: Options) -> dict[str, Any] | None:
    """What of `options` is not as in the newest table; None where they are not all of its options."""
    table = TABLES[NEWEST]
    return _differing(options, table) if _covers(options, table) else None


def with_defaults(options: Options, table: Options) -> dict[str, Any]:
    """The way back: `options`, and those of a table that they do not have."""
    whole = {**copy.deepcopy(dict(table)), **options}
    for key, usual in table.items():
        if isinstance(usual, dict) and isinstance(whole[key], dict):
            whole[key] = with_defaults(whole[key], usual)
    return whole


def _covers(options: Options, table: Options) -> bool:
    return all(
        key in options
        and isinstance(options[key], dict) == isinstance(value, dict)
        and (not isinstance(value, dict) or _covers(options[key], value))
        for key, value in table.items()
    )


def _differing(options: Options, table: Options) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in options.items():
        usual = table.get(key)
        if isinstance(value, dict) and isinstance(usual, dict):
            if inner := _differing(value, usual):
                kept[key] = inner
        elif key not in table or type(value) is not type(usual) or value != usual:
            kept[key] = value
    return kept
