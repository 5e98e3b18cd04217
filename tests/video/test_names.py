from __future__ import annotations

import pytest

from vidcondense.video.names import folded, group_of, source_of, without_ending


@pytest.mark.parametrize(
    ("stem", "class_name", "source"),
    [
        ("v_Diving_g01_c02", "Diving", "g01"),
        ("v_Diving_g101_c02", "Diving", "g101"),
        ("April_09_brush_hair_u_nm_np1_ba_goo_0", "brush_hair", "April_09"),
        ("Pirates_5_wave_h_cm_np1_le_bad_12", "wave", "Pirates_5"),
        ("TrumanShow_run_f_nm_np1_ba_med_19", "run", "TrumanShow"),
        ("#122_Cleaning_Up_(2)!_climb_f_cm_np1_ba_goo_2", "climb", "#122_Cleaning_Up_(2)!"),
        ("-0abcdefghi_000010_000020", "x", "-0abcdefghi"),
        ("clip_000010_000020", "x", None),
        ("g01_c02", "x", None),
        ("", "x", None),
    ],
)
def test_sources(stem, class_name, source):
    assert source_of(stem, class_name) == source


@pytest.mark.parametrize(
    ("stem", "group"),
    [
        ("v_wave_g01_c02", "wave/g01"),  # numbered in each class
        ("Pirates_5_wave_h_cm_np1_le_bad_12", "Pirates_5"),
        ("-0abcdefghi_000010_000020", "wave/-0abcdefghi"),
        ("clip", None),
    ],
)
def test_groups_among_all_classes(stem, group):
    assert group_of(stem, "wave") == group


def test_endings():
    assert [without_ending(path) for path in ("a.b/c.MP4", "a.b/c", "a.mp4/c.x", "a.webm")] == [
        "a.b/c",
        "a.b/c",
        "a.mp4/c.x",
        "a",
    ]


def test_folded():
    assert folded("Cafe\u0301") == folded("CAF\u00c9")
    assert folded("a b") != folded("a_b")
