from __future__ import annotations

import pytest

from vidcondense.video.guess import guess
from vidcondense.video.listing import SplitRule

KINETICS = "label,youtube_id,time_start,time_end,split\n"


@pytest.mark.parametrize(
    ("texts", "clips", "layout", "words"),
    [
        ({}, ["a/1.mp4"], "folder", "no list of a known dataset"),
        ({"notes.txt": "hello", "x.csv": "1,2\n"}, ["a/1.mp4"], "folder", "no list"),
        ({}, ["a/v1"], "frames", "folders of numbered images"),
        ({"ucfTrainTestlist/classInd.txt": ""}, [], "ucf101", "lists in ucfTrainTestlist/"),
        ({"a/splits/classind.txt": ""}, [], "ucf101", "lists in a/splits/"),
        ({"classInd.txt": ""}, [], "ucf101", "lists in its folder"),
        (
            {"ucfTrainTestlist/classInd.txt": "", "50.csv": "folder_name,label,split\n"},
            [],
            "ucf101",
            "--layout miniucf would read 50.csv",
        ),
        ({"s/wave_test_split1.txt": ""}, [], "hmdb51", "s/wave_test_split1.txt"),
        (
            {"l/labels.json": "{}", "l/validation.json": "[]"},
            [],
            "ssv2",
            "l/labels.json and l/validation.json",
        ),
        ({"labels.json": "{}"}, [], "folder", ""),
        ({"k/val.csv": KINETICS}, [], "kinetics400", "k/val.csv has a column youtube_id"),
        ({"Kinetics-600/val.csv": KINETICS}, [], "kinetics600", ""),
        ({"k700_2020/val.csv": KINETICS}, [], "kinetics700", ""),
        ({"x.csv": "File_Name, label ,split\n"}, [], "csv", "x.csv has the columns file_name, label, split"),
        ({"x.csv": "folder_name,label,split\n"}, [], "miniucf", "folder_name"),
        ({"HMDB51_splits.csv": "folder_name,label,split\n"}, [], "hmdb51-leaky", "folder_name"),
        ({"hmdb51_val_split_2_rawframes.txt": ""}, [], "mmaction", "hmdb51_val_split_2_rawframes.txt"),
        ({"kinetics400_train_list_videos.txt": ""}, [], "mmaction", ""),
        ({"train.csv": "a.mp4 1\n", "val.csv": "b.mp4 1\n"}, [], "slowfast", "train.csv and val.csv"),
        ({"train.csv": "a.mp4 1\n"}, ["a/1.mp4"], "folder", ""),
        ({"x.csv": '"broken'}, ["a/1.mp4"], "folder", ""),
    ],
)
def test_what_is_there_decides_and_is_named(make_tree, texts, clips, layout, words):
    found, reason = guess(make_tree(*clips, texts=texts), SplitRule())
    assert found == layout
    assert words in reason


@pytest.mark.parametrize(
    ("name", "text", "layout"),
    [
        ("my.csv", "path,label,split\n", "csv"),
        ("my.csv", "folder_name,label,split\n", "miniucf"),
        ("hmdb25_splits.csv", "folder_name,label,split\n", "hmdb51-leaky"),
        ("k600.csv", KINETICS, "kinetics600"),
        ("train.json", "{}", "kinetics400"),
        ("x_train_split_1_videos.txt", "", "mmaction"),
        ("train.csv", "a.mp4 1\n", "slowfast"),
    ],
)
def test_lists_of_the_users_decide_alone(make_tree, name, text, layout):
    held = {name: text, "ucfTrainTestlist/classInd.txt": "1 A\n"}
    assert guess(make_tree(texts=held), SplitRule(list_files=(name,)))[0] == layout
