from __future__ import annotations

import os
from pathlib import Path

import pytest

from vidcondense.errors import DataError
from vidcondense.video.scan import read_class_names, scan, with_lists


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def codes(found):
    return {path: error.code for path, error in found.blocked.items()}


def test_what_is_seen_and_what_is_not(tmp_path):
    for name in ("a/1.mp4", "a/2.AVI", "b/c/3.webm", "list.txt", "x.json"):
        touch(tmp_path / name)
    for name in (
        ".hidden.mp4",
        "a/._1.mp4",
        "__MACOSX/a/1.mp4",
        ".git/1.mp4",
        "a/Thumbs.db",
        "a/notes.md",
        "a/x",
    ):
        touch(tmp_path / name)
    found = scan(tmp_path)
    assert found.tree.videos == ("a/1.mp4", "a/2.AVI", "b/c/3.webm")
    assert found.tree.texts == ("list.txt", "x.json")
    assert found.blocked == {}


def test_names_that_are_no_utf8(tmp_path):
    (tmp_path / "c").mkdir()
    raw = os.fsencode(tmp_path / "c") + b"/\xff\xfe.mp4"
    Path(os.fsdecode(raw)).touch()
    (name,) = scan(tmp_path).tree.videos
    assert os.fsencode(name) == b"c/\xff\xfe.mp4"
    assert (tmp_path / name).exists()


def test_twins(tmp_path):
    names = {"c/caf\u00e9.mp4", "c/cafe\u0301.mp4", "c/Caf\u00e9.mp4"}
    for name in names:
        touch(tmp_path / name)
    assert set(scan(tmp_path).tree.videos) == names


def test_links(tmp_path):
    root = tmp_path / "root"
    touch(root / "a" / "1.mp4")
    touch(tmp_path / "outside" / "2.mp4")
    touch(tmp_path / "rootless" / "3.mp4")
    (root / "a" / "inside.mp4").symlink_to(root / "a" / "1.mp4")
    (root / "a" / "passwd.mp4").symlink_to("/etc/passwd")
    (root / "a" / "video.mp4").symlink_to(tmp_path / "outside" / "2.mp4")
    (root / "a" / "sibling.mp4").symlink_to(tmp_path / "rootless" / "3.mp4")
    (root / "a" / "broken.mp4").symlink_to("nowhere")
    (root / "a" / "loop.mp4").symlink_to("loop.mp4")
    (root / "a" / "loop").symlink_to("loop")
    (root / "b").symlink_to(tmp_path / "outside")
    (root / "a" / "up").symlink_to(root)
    found = scan(root)
    assert codes(found) == {
        "a/broken.mp4": "broken-link",
        "a/loop.mp4": "broken-link",
        "a/passwd.mp4": "outside-root",
        "a/sibling.mp4": "outside-root",
        "a/video.mp4": "outside-root",
        "b": "outside-root",
    }
    assert {"a/1.mp4", "a/inside.mp4", "a/passwd.mp4"} <= set(found.tree.videos)
    assert not any(video.startswith(("b/", "a/up/")) for video in found.tree.videos)
    followed = scan(root, follow_symlinks=True)
    assert codes(followed) == {"a/broken.mp4": "broken-link", "a/loop.mp4": "broken-link"}
    assert "b/2.mp4" in followed.tree.videos


def test_a_folder_is_listed_once_whatever_links_to_it(tmp_path):
    root = tmp_path / "root"
    touch(root / "real" / "1.mp4")
    touch(tmp_path / "outside" / "deep" / "2.mp4")
    for name, target in {"a": "outside", "b": "outside", "c": "outside/deep", "0": "root/real"}.items():
        (root / name).symlink_to(tmp_path / target)
    (tmp_path / "outside" / "again").symlink_to(root)
    assert scan(root, follow_symlinks=True).tree.videos == ("a/deep/2.mp4", "real/1.mp4")


def test_a_link_to_the_root_is_fine(tmp_path):
    touch(tmp_path / "real" / "a" / "1.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = scan(tmp_path / "link")
    assert (found.tree.videos, found.blocked) == (("a/1.mp4",), {})


def test_lists_outside_are_not_read(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "dataset.json").symlink_to("/etc/hostname")
    assert scan(root).tree.texts == ()


def test_a_folder_named_like_a_video_is_one_entry(tmp_path):
    touch(tmp_path / "a" / "x.mp4" / "1.mp4")
    assert scan(tmp_path).tree.videos == ("a/x.mp4",)


def test_the_order_of_a_folder_does_not_matter(tmp_path, monkeypatch):
    for name in ("b/2.mp4", "a/1.mp4", "c/3.mp4", "a/0.mp4"):
        touch(tmp_path / name)
    first = scan(tmp_path)
    real = os.scandir

    class Reversed:
        def __init__(self, path):
            self.entries = real(path)

        def __enter__(self):
            return iter(list(self.entries)[::-1])

        def __exit__(self, *error):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Reversed)
    assert scan(tmp_path).tree.videos == first.tree.videos


def test_text_with_a_byte_order_mark(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbf1 A\xff\r\n")
    assert scan(tmp_path).tree.read("x.txt") == "1 A\udcff\r\n"


def test_no_folder(tmp_path):
    touch(tmp_path / "file")
    for name, message in (("none", "does not exist"), ("file", "is no folder")):
        with pytest.raises(DataError, match=message):
            scan(tmp_path / name)


def test_folders_of_numbered_images(tmp_path):
    for name in (
        "a/v1/img_00001.jpg",
        "a/v1/img_00002.jpg",
        "a/v 2/frame000001.PNG",
        "a/v3/000001.jpeg",
        "mixed/img_00001.jpg",
        "mixed/deeper/img_00001.jpg",
        "previews/1.mp4",
        "previews/img_00001.jpg",
        "photos/holiday.jpg",
        "img_00001.jpg",
        ".hidden/img_00001.jpg",
        "named.mp4/img_00001.jpg",
    ):
        touch(tmp_path / name)
    tree = scan(tmp_path).tree
    assert tree.frames == ("a/v 2", "a/v1", "a/v3", "mixed/deeper")
    assert tree.videos == ("named.mp4", "previews/1.mp4")
    assert set(tree.clips) == {*tree.frames, *tree.videos}


def test_images_that_lead_out_of_the_dataset(tmp_path):
    root = tmp_path / "root"
    touch(root / "a" / "v" / "img_00001.jpg")
    touch(root / "a" / "w" / "img_00001.jpg")
    touch(tmp_path / "outside.jpg")
    (root / "a" / "v" / "img_00002.jpg").symlink_to(tmp_path / "outside.jpg")
    found = scan(root)
    assert codes(found) == {"a/v": "outside-root"}
    assert found.tree.frames == ("a/v", "a/w")
    assert codes(scan(root, follow_symlinks=True)) == {}


def test_previews_beside_videos_are_nothing_to_refuse(tmp_path):
    touch(tmp_path / "data" / "a" / "1.mp4")
    (tmp_path / "data" / "a" / "img_00001.jpg").symlink_to("/etc/passwd")
    found = scan(tmp_path / "data")
    assert (found.tree.frames, found.blocked) == ((), {})


def test_lists_that_the_user_names(tmp_path):
    touch(tmp_path / "root" / "a" / "1.mp4")
    (tmp_path / "my.csv").write_text("x")
    found, names = with_lists(scan(tmp_path / "root"), (tmp_path / "my.csv",))
    assert found.tree.texts == names == (str(tmp_path / "my.csv"),)
    assert found.tree.read(names[0]) == "x"


def test_class_names(tmp_path):
    file = tmp_path / "classes.txt"
    file.write_bytes(b"\xef\xbb\xbf1 Diving\r\n\r\n  2\tbrush hair \r\nSwing\n3\n50 shades\n")
    assert read_class_names(file) == ("1 Diving", "2\tbrush hair", "Swing", "3", "50 shades")
    file.write_text("\n \n")
    with pytest.raises(DataError, match="names no class"):
        read_class_names(file)
    with pytest.raises(DataError, match="cannot read"):
        read_class_names(tmp_path / "none")
