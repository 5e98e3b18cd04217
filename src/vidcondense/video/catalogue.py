"""What each layout looks like and where its data is obtained, for `vidcondense datasets` and the docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FILES = "NAME.mp4, .avi, .mkv, .webm or .mov"


@dataclass(frozen=True, kw_only=True)
class Description:
    """One layout, for people."""

    layout: str
    title: str
    summary: str
    """One line."""
    source: str
    """Where the data is obtained."""
    files: tuple[tuple[str, str], ...]
    """An example that the layout reads: paths, and the text of those that are lists (empty for videos)."""
    split: str
    """Which videos are trained and tested on."""
    options: str
    """Of the command line, to read it."""
    remarks: tuple[str, ...]
    """What is good to know."""


def page(about: Description) -> str:
    """The documentation of a layout as Markdown; every page has the same shape."""
    lists = [
        f"`{path}`, for example:\n\n```text\n{text.rstrip()}\n```\n" for path, text in about.files if text
    ]
    return "\n".join(
        [
            f"# {about.title}",
            "",
            about.summary,
            "",
            "## Where the data is obtained",
            "",
            about.source,
            "",
            "## Expected files",
            "",
            f"```text\n{draw_tree(path for path, _ in about.files)}\n```",
            "",
            *lists,
            "## Training and test split",
            "",
            about.split,
            "",
            "## Reading it",
            "",
            f"```bash no-run: DATA is yours\nvidcondense data check DATA {about.options}\n"
            f"vidcondense condense DATA {about.options} --out small\n```",
            "",
            "## Good to know",
            "",
            *(f"- {remark}" for remark in about.remarks),
            "",
        ]
    )


def draw_tree(paths: Iterable[str]) -> str:
    """Paths as an indented tree, folders with a slash."""
    drawn: list[str] = ["DATA/"]
    seen: set[str] = set()
    for path in paths:
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            part = "/".join(parts[:depth])
            if part not in seen:
                seen.add(part)
                slash = "/" if depth < len(parts) else ""
                drawn.append(f"{'  ' * depth}{parts[depth - 1]}{slash}")
    return "\n".join(drawn)


_OWN = "Your own videos."
_MISSING = "Listed videos that are not there are counted and named, and the rest is used."
_ENDINGS = (
    "A listed `.avi` is also found as `.mp4`, `.mkv`, `.webm` or `.mov`, or as a folder of "
    "images; that is noted."
)

_UCF_TREE = (
    ("UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi", ""),
    ("UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", ""),
    ("UCF-101/YoYo/v_YoYo_g01_c01.avi", ""),
    ("UCF-101/YoYo/v_YoYo_g08_c01.avi", ""),
)
_HMDB_TREE = (
    ("hmdb51_org/brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", ""),
    ("hmdb51_org/brush_hair/Blonde_being_brushed_brush_hair_f_nm_np2_ri_med_0.avi", ""),
    ("hmdb51_org/wave/50_FIRST_DATES_wave_f_cm_np1_fr_med_0.avi", ""),
    ("hmdb51_org/wave/#20_Rhythm_wave_u_nm_np1_fr_goo_1.avi", ""),
    (
        "testTrainMulti_7030_splits/brush_hair_test_split1.txt",
        "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \n"
        "Blonde_being_brushed_brush_hair_f_nm_np2_ri_med_0.avi 2 \n",
    ),
    (
        "testTrainMulti_7030_splits/wave_test_split1.txt",
        "50_FIRST_DATES_wave_f_cm_np1_fr_med_0.avi 1 \n#20_Rhythm_wave_u_nm_np1_fr_goo_1.avi 2 \n",
    ),
)
_HMDB_SOURCE = (
    "<https://serre.lab.brown.edu/hmdb51.html>: the videos (`hmdb51_org.rar`, which holds "
    "an archive for each class) "
    "and the splits (`test_train_splits.rar`). Unpack both; archives are not opened here."
)


def _kinetics(classes: int) -> Description:
    folder = f"kinetics{classes}"
    return Description(
        layout=folder,
        title=f"Kinetics-{classes}",
        summary=f"YouTube clips of ten seconds, {classes} classes, with the annotations as CSV or JSON.",
        source=(
            "The videos and annotations: <https://github.com/cvdfoundation/kinetics-dataset>. "
            "Some clips are gone "
            "from YouTube, so copies differ in what is missing."
        ),
        files=(
            (f"{folder}/train/-3B32lodo2M_000059_000069.mp4", ""),
            (f"{folder}/train/0wR5jVB-WPk_000417_000427.mp4", ""),
            (f"{folder}/val/abseiling/3caPS4FHFF8_000036_000046.mp4", ""),
            (f"{folder}/val/zumba/xmhX4ZMqXxs_000010_000020.mp4", ""),
            (
                f"{folder}/annotations/train.csv",
                "label,youtube_id,time_start,time_end,split\n"
                "abseiling,0wR5jVB-WPk,417,427,train\nzumba,-3B32lodo2M,59,69,train\n",
            ),
            (
                f"{folder}/annotations/val.csv",
                "label,youtube_id,time_start,time_end,split\n"
                "abseiling,3caPS4FHFF8,36,46,validate\nzumba,xmhX4ZMqXxs,10,20,validate\n",
            ),
        ),
        split=(
            "The training split, and the validation split to test on: the labels of the test "
            "split are not public."
        ),
        options=f"--layout {folder}",
        remarks=(
            "Clips are found by `{youtube id}_{start}_{end}` in any folder, flat or in class folders.",
            "Where a folder `replacement…` holds a clip too, that one is used.",
            "The JSON annotations (`train.json`, `validate.json`) are read where there is no CSV.",
            _MISSING,
            "Class ids are those of the sorted class names.",
        ),
    )


CATALOGUE: dict[str, Description] = {
    about.layout: about
    for about in (
        Description(
            layout="folder",
            title="A folder per class",
            summary="A folder per class, inside train/ and test/ (or val/; of any case) or without these.",
            source=_OWN,
            files=(
                ("train/wave/1.mp4", ""),
                ("train/jump/2.mp4", ""),
                ("test/wave/3.mp4", ""),
                ("test/jump/4.mp4", ""),
            ),
            split=(
                "That of the folders. Without `train/` and `test/`, whole source groups are "
                "drawn for testing "
                "(`--test-fraction`, `--split-seed`): a folder inside a class is a group, as are "
                "the clips of one "
                "recording by UCF's, HMDB's and Kinetics' way of naming."
            ),
            options="--layout folder",
            remarks=(
                f"Files are {FILES}.",
                "Class ids are those of the sorted class names.",
                'A file `dataset.json` with `{"flip": false}` keeps clips from being mirrored.',
            ),
        ),
        Description(
            layout="frames",
            title="Folders of frames",
            summary="As a folder per class, where each video is a folder of numbered images.",
            source=_OWN + " `ffmpeg -i x.mp4 x/img_%05d.jpg` makes such folders.",
            files=(
                ("train/wave/clip1/img_00001.jpg", ""),
                ("train/wave/clip1/img_00002.jpg", ""),
                ("train/jump/clip2/frame000001.jpg", ""),
                ("test/wave/clip3/img_00001.jpg", ""),
                ("test/jump/clip4/img_00001.jpg", ""),
            ),
            split="As for a folder per class.",
            options="--layout frames",
            remarks=(
                "Images are JPEG or PNG, named by a number, or `frame`, `img` or `image` and a number.",
                "Numbers begin anywhere and have no gap; a folder with a gap is set aside "
                "(`missing-frames`).",
                "Folders of images also stand for the videos of all other layouts with lists.",
            ),
        ),
        Description(
            layout="csv",
            title="A CSV list",
            summary="A CSV file with the columns path, label, split for videos in any folders.",
            source=_OWN
            + " `vidcondense data check DATA --write-list my.csv` writes such a list of any dataset.",
            files=(
                ("videos/a.mp4", ""),
                ("videos/b.mp4", ""),
                ("videos/c.mp4", ""),
                ("videos/d.mp4", ""),
                (
                    "list.csv",
                    "path,label,split\nvideos/a.mp4,wave,train\nvideos/b.mp4,jump,train\n"
                    "videos/c.mp4,wave,test\nvideos/d.mp4,jump,test\n",
                ),
            ),
            split="That of the column `split`: `train`; `test`, `val` or `validate`.",
            options="--list-file DATA/list.csv",
            remarks=(
                "The path column may also be called `file_name` or `video`; paths are relative to DATA.",
                "Columns `id` (number of the class) and `group` (the recording) are optional.",
                "Without `--list-file`, the one such file inside DATA is used.",
            ),
        ),
        Description(
            layout="ucf101",
            title="UCF101",
            summary="13 320 YouTube clips of 101 actions, three official folds.",
            source=(
                "<https://www.crcv.ucf.edu/data/UCF101.php>: the videos (`UCF101.rar`) and the splits "
                "(`UCF101TrainTestSplits-RecognitionTask.zip`). Unpack both into one folder."
            ),
            files=(
                *_UCF_TREE,
                ("ucfTrainTestlist/classInd.txt", "1 ApplyEyeMakeup\n101 YoYo\n"),
                (
                    "ucfTrainTestlist/trainlist01.txt",
                    "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\nYoYo/v_YoYo_g08_c01.avi 101\n",
                ),
                (
                    "ucfTrainTestlist/testlist01.txt",
                    "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\nYoYo/v_YoYo_g01_c01.avi\n",
                ),
            ),
            split="Official fold `--fold` 1, 2 or 3; fold 1 has 9 537 training and 3 783 test clips.",
            options="--layout ucf101 --fold 1",
            remarks=(
                "Class ids follow `classInd.txt`; classes without a video are left out.",
                "The lists may lie in any one folder inside DATA.",
                _ENDINGS,
                "Folders and files that differ in case (`HandstandPushups`) are found; that is noted.",
                _MISSING,
            ),
        ),
        Description(
            layout="miniucf",
            title="miniUCF",
            summary="A part of UCF101 by a CSV list folder_name,label,split: the field's 50-class subset.",
            source=(
                "The clips: UCF101. The list of the 50 classes is published with the code of the "
                "papers that use it, "
                "and is not shipped here; give yours with `--list-file`. A file of class names "
                "works with UCF101's "
                "own lists: `--layout ucf101 --classes-file classes.txt`."
            ),
            files=(
                *_UCF_TREE,
                (
                    "ucf50_splits1.csv",
                    "folder_name,label,split\n"
                    "v_ApplyEyeMakeup_g08_c01,ApplyEyeMakeup,train\nv_YoYo_g08_c01,YoYo,train\n"
                    "v_ApplyEyeMakeup_g01_c01,ApplyEyeMakeup,test\nv_YoYo_g01_c01,YoYo,test\n",
                ),
            ),
            split="That of the column `split`.",
            options="--layout miniucf --list-file DATA/ucf50_splits1.csv",
            remarks=(
                "A name is enough: videos are found in any folder, as files or as folders of "
                "images (`jpegs_112/`).",
                "Class ids are those of the sorted labels (numbers by their value).",
                _MISSING,
            ),
        ),
        Description(
            layout="hmdb51",
            title="HMDB51",
            summary="6 766 clips of 51 actions from films, three official folds.",
            source=_HMDB_SOURCE,
            files=_HMDB_TREE,
            split=(
                "Official fold `--fold` 1, 2 or 3. A list gives 1 (train), 2 (test) or 0 "
                "(unused); fold 1 has 3 570 "
                "training, 1 530 test and 1 666 unused clips."
            ),
            options="--layout hmdb51 --fold 1",
            remarks=(
                "Class ids are those of the sorted class names.",
                _ENDINGS,
                "Results of papers may be on another list: see hmdb51-leaky.",
            ),
        ),
        Description(
            layout="hmdb51-leaky",
            title="HMDB51 with the leaky list",
            summary="HMDB51 as published baselines read it: the unused clips of the split are trained on.",
            source=_HMDB_SOURCE,
            files=_HMDB_TREE,
            split=(
                "Official fold `--fold`, with the clips marked 0 (unused) among those to train "
                "on: 5 236 training "
                "clips in fold 1, where the official split has 3 570."
            ),
            options="--layout hmdb51-leaky --fold 1",
            remarks=(
                "A warning is given each time: the unused clips may come from the films of test clips.",
                "For comparison with those papers only; without `--layout`, only a CSV list with `hmdb` in "
                "its name is taken for this.",
                "That CSV list `folder_name,label,split` (`hmdb51_splits.csv`) is read where there are no "
                "official lists, or with `--list-file`.",
            ),
        ),
        _kinetics(400),
        _kinetics(600),
        _kinetics(700),
        Description(
            layout="ssv2",
            title="Something-Something V2",
            summary="220 847 clips of 174 templates of hands and things; mirroring changes the label.",
            source=(
                "<https://www.qualcomm.com/developer/software/something-something-v-2-dataset> (an "
                "account is needed)."
            ),
            files=(
                ("20bn-something-something-v2/1.webm", ""),
                ("20bn-something-something-v2/2.webm", ""),
                ("20bn-something-something-v2/3.webm", ""),
                ("20bn-something-something-v2/4.webm", ""),
                (
                    "labels/labels.json",
                    '{"Holding something next to something": "0",\n'
                    ' "Pushing something from left to right": "1"}\n',
                ),
                (
                    "labels/train.json",
                    '[{"id": "1", "template": "Holding [something] next to [something]"},\n'
                    ' {"id": "2", "template": "Pushing [something] from left to right"}]\n',
                ),
                (
                    "labels/validation.json",
                    '[{"id": "3", "template": "Holding [something] next to [something]"},\n'
                    ' {"id": "4", "template": "Pushing [something] from left to right"}]\n',
                ),
            ),
            split=(
                "The training split, and the validation split to test on: the labels of the test "
                "split are not used."
            ),
            options="--layout ssv2",
            remarks=(
                "Clips are never mirrored: left and right are labels.",
                "The older names `something-something-v2-labels.json` and so on are read, too, as are the "
                "lists of published baselines: `annot_train.json`, `annot_val.json`, `class_list.json`.",
                "Class ids follow `labels.json`; its templates have no brackets, those of the lists have.",
                _MISSING,
            ),
        ),
        Description(
            layout="mmaction",
            title="Lists of mmaction2",
            summary=(
                "Lists such as ucf101_train_split_1_videos.txt with `path label` a line, or rawframes lists."
            ),
            source=(
                "Datasets prepared with the scripts of mmaction2: <https://github.com/open-mmlab/mmaction2>."
            ),
            files=(
                ("videos/YoYo/a.avi", ""),
                ("videos/Swing/b.avi", ""),
                ("videos/YoYo/c.avi", ""),
                ("videos/Swing/d.avi", ""),
                ("ucf101_train_split_1_videos.txt", "YoYo/a.avi 1\nSwing/b.avi 0\n"),
                ("ucf101_val_split_1_videos.txt", "YoYo/c.avi 1\nSwing/d.avi 0\n"),
            ),
            split="The lists `train` and `val` (or `test`) of `--fold`, where there are several.",
            options="--layout mmaction --fold 1",
            remarks=(
                "Lines of `…_rawframes.txt` are `folder num_frames label`; the folders hold "
                "`img_00001.jpg` and so on.",
                "Paths are relative to any folder inside DATA.",
                "Class names come from `label_map….txt`, or else from the folders, or else are the numbers.",
            ),
        ),
        Description(
            layout="slowfast",
            title="Lists of SlowFast",
            summary=(
                "train.csv and val.csv with `path label` a line, as SlowFast, VideoMAE and V-JEPA read them."
            ),
            source="Your own lists, or those made for these programs.",
            files=(
                ("clips/a b.mp4", ""),
                ("clips/c.mp4", ""),
                ("clips/d.mp4", ""),
                ("clips/e.mp4", ""),
                ("train.csv", "clips/a b.mp4 0\nclips/c.mp4 1\n"),
                ("val.csv", "clips/d.mp4 0\nclips/e.mp4 1\n"),
            ),
            split="Those of the lists; of `val` and `test`, `test` is used.",
            options="--layout slowfast",
            remarks=(
                "The label is what follows the last blank (or `::`), so paths may hold blanks.",
                "Lines without a label, or with -1, are counted and left out.",
                "Absolute paths are read where they lie inside DATA.",
            ),
        ),
    )
}
"""All layouts, from the plainest."""
