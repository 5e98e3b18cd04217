from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from marks import fault
from vidcondense.errors import DataError, LimitError, OutputError, UsageError
from vidcondense.media.read import try_read_clips
from vidcondense.video.cache import list_cache
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy

CLIP = ClipOptions(num_frames=3, stride=2, size=8)


def load(root, clip=CLIP, listener=lambda event: None, **data):
    return load_data(root, DataOptions(**{"workers": 0, **data}), clip, listener=listener)


def quarantine(result):
    return {bad.path: bad.code for bad in result.quarantined}


def cache_bytes(result):
    return {file.name: file.read_bytes() for file in result.cache.iterdir()}


def test_pixels_labels_and_statistics_by_hand(make_folder):
    """Frame t of a video is grey `value + t` with red 50 more; indices are 0, 2, 4 of 6 frames."""
    data = load(make_folder())
    assert data.train.classes == ("a", "b")
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    assert data.train.paths[3] == "train/b/0.mp4"
    grey = np.add.outer(np.arange(10) * 10, [0, 2, 4])
    for dataset, values in ((data.train, grey[:6]), (data.test, grey[6:])):
        clips = dataset.clips8(range(len(dataset)))
        assert clips.shape == (len(dataset), 3, 3, 8, 8)
        expected = torch.tensor(values)[:, :, None, None, None] + torch.tensor([50, 0, 0])[:, None, None]
        assert torch.equal(clips.long(), expected.expand(clips.shape))
    train = np.stack([grey[:6] + 50, grey[:6], grey[:6]]) / 255
    assert np.allclose(data.train.mean, train.mean((1, 2)), atol=1e-7)
    assert np.allclose(data.test.std, train.std((1, 2)), atol=1e-7)
    assert data.quarantined == ()
    assert data.listing.layout == "folder"


@pytest.mark.parametrize(
    ("short", "frames", "words"),
    [
        ("stride", [0, 1, 2], "clips of them have a smaller stride than 2"),
        ("repeat", [0, 2, 3], "clips of them repeat the last frame"),
        ("loop", [0, 2, 0], "clips of them begin again at the first frame"),
    ],
)
def test_short_videos_are_told_of(make_folder, make_video, short, frames, words):
    root = make_folder()
    make_video(root / "train" / "a" / "0.mp4", num_frames=4)
    for _ in range(2):  # from the cache, too
        data = load(root, ClipOptions(num_frames=3, stride=2, size=8, short=short))
        assert data.train.clips8([0])[0, :, 1, 0, 0].tolist() == frames
        expected = f"1 of 10 videos are shorter than the 5 frames a clip spans; {words}"
        assert data.listing.notes[-1] == expected
    assert not any(
        "shorter" in note for note in load(root, ClipOptions(num_frames=2, stride=3, size=8)).listing.notes
    )


def test_views(make_folder):
    root = make_folder(num_frames=12)
    data = load(root, ClipOptions(num_frames=2, stride=1, size=8, clips_per_video=2))
    assert data.train.num_views == 2
    first, second = (data.train.clips8([1], view)[0, :, 1, 0, 0].tolist() for view in (0, 1))
    assert first == [12, 13]  # starts 0 to 10; (2 j + 1) · 10 // 4
    assert second == [17, 18]


def test_random_placement_has_a_stream_for_each_video(make_folder):
    root = make_folder(num_frames=40)
    clip = ClipOptions(num_frames=2, stride=1, size=8, placement="random")

    def starts(root, clip):
        return dict(
            zip(
                (t := load(root, clip).train).paths,
                t.clips8(range(len(t)))[:, 0, 1, 0, 0].tolist(),
                strict=True,
            )
        )

    first = starts(root, clip)
    assert len({value % 10 for value in first.values()}) > 1
    (root / "train" / "a" / "0.mp4").unlink()
    del first["train/a/0.mp4"]
    assert starts(root, clip) == first, "a video less moves no other clip"
    other = ClipOptions(num_frames=2, stride=1, size=8, placement="random", placement_seed=1)
    assert starts(root, other) != first


def test_the_second_time_comes_from_the_cache(make_folder, monkeypatch):
    root = make_folder()
    events = []
    first = load(root, listener=events.append)
    assert events == [{"kind": "index", "done": i, "total": 10} for i in range(1, 11)]
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", None)  # nothing may decode now
    second = load(root, listener=events.append)
    assert len(events) == 10
    assert second.cache == first.cache
    assert torch.equal(second.train.clips8([0, 5]), first.train.clips8([0, 5]))
    assert torch.equal(second.train.mean, first.train.mean)


@pytest.mark.parametrize("change", ["video", "time", "options", "less", "flip"])
def test_a_change_makes_a_new_cache(make_folder, make_video, change):
    root = make_folder()
    first = load(root)
    clip = CLIP
    video = root / "train" / "a" / "0.mp4"
    if change == "video":
        make_video(video, 99)
    elif change == "time":
        os.utime(video, ns=(0, video.stat().st_mtime_ns + 1))
    elif change == "options":
        clip = ClipOptions(num_frames=3, stride=1, size=8)
    elif change == "less":
        video.unlink()
    else:
        (root / "dataset.json").write_text('{"flip": false}')
    second = load(root, clip)
    assert second.cache != first.cache
    assert second.train.flip == (change != "flip")


def test_a_cut_cache_is_built_again(make_folder):
    root = make_folder()
    first = load(root)
    expected = cache_bytes(first)
    clips = first.cache / "clips.u8"
    clips.write_bytes(clips.read_bytes()[:-1])
    assert cache_bytes(load(root)) == expected
    (first.cache / "manifest.json").write_text("{")
    assert cache_bytes(load(root)) == expected


def test_no_flip(make_folder):
    root = make_folder()
    assert load(root).train.flip
    assert not load(root, flip=False).train.flip


def add_bad(root):
    """Bad files of many kinds among the good ones of class a."""
    folder = root / "train" / "a"
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("no video")
    (folder / "script.mp4").write_text("ffconcat version 1.0\nfile 0.mp4\n")
    Image.new("RGB", (8, 8)).save(folder / "png.mp4", format="png")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "folder.mp4").mkdir()
    (folder / "broken.mp4").symlink_to("nowhere.mp4")
    (folder / "out.mp4").symlink_to("/etc/passwd")
    whole = (folder / "0.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    return {
        "train/a/empty.mp4": "empty-file",
        "train/a/text.mp4": "not-a-video",
        "train/a/script.mp4": "format-not-allowed",
        "train/a/png.mp4": "format-not-allowed",
        "train/a/pipe.mp4": "not-regular",
        "train/a/folder.mp4": "not-regular",
        "train/a/broken.mp4": "broken-link",
        "train/a/out.mp4": "outside-root",
        "train/a/cut.mp4": "unreadable-header",
        "train/a/short.mp4": "too-short",
    }


@pytest.fixture
def mixed(make_folder, make_video):
    root = make_folder()
    expected = add_bad(root)
    make_video(root / "train" / "a" / "short.mp4", num_frames=2)
    return root, expected


def test_bad_files_are_set_aside(mixed):
    root, expected = mixed
    data = load(root, max_bad=0.5)
    assert quarantine(data) == expected
    assert len(data.train) == 6
    assert quarantine(load(root, max_bad=0.5)) == expected, "from the cache, too"
    lines = [json.loads(line) for line in (data.cache / "quarantine.jsonl").read_text().splitlines()]
    assert {line["path"]: line["code"] for line in lines} == expected
    assert all(line["detail"] and line["split"] == "train" and line["label"] == 0 for line in lines)


def test_too_many_bad_files(mixed):
    root, _ = mixed
    with pytest.raises(DataError) as caught:
        load(root, max_bad=0.49)
    message = str(caught.value)
    assert "10 of 20 videos cannot be used" in message
    assert "format-not-allowed 2" in message
    assert "--max-bad 0.49" in message
    listed = message.rpartition("listed in ")[2]
    assert len(Path(listed).read_text().splitlines()) == 10


def reverse_scandir(monkeypatch):
    real = os.scandir

    class Reversed:
        def __init__(self, path):
            self.entries = real(path)

        def __enter__(self):
            return iter(list(self.entries)[::-1])

        def __exit__(self, *error):
            self.entries.close()

    monkeypatch.setattr(os, "scandir", Reversed)


@fault("65b", "other workers, other order of folders, bad files among them", "the same cache, byte for byte")
def test_same_bytes_for_any_number_of_workers_and_any_order(mixed, tmp_path, monkeypatch):
    root, expected = mixed
    first = load(root, max_bad=0.5, cache_dir=tmp_path / "cache0")
    for workers in (1, 2, 4):
        other = load(root, max_bad=0.5, workers=workers, cache_dir=tmp_path / f"cache{workers}")
        assert cache_bytes(other) == cache_bytes(first)
        assert other.cache.name == first.cache.name
    reverse_scandir(monkeypatch)
    turned = load(root, max_bad=0.5, workers=2, cache_dir=tmp_path / "turned")
    assert cache_bytes(turned) == cache_bytes(first)
    assert quarantine(turned) == expected


def test_names_that_are_no_utf8(make_folder):
    root = make_folder()
    old = root / "train" / "a" / "0.mp4"
    old.rename(old.with_name(os.fsdecode(b'\xff\n".mp4')))
    (root / "train" / "b" / os.fsdecode(b"\xfe.mp4")).write_text("bad")
    data = load(root, max_bad=0.1)
    again = load(root, max_bad=0.1)
    for result in (data, again):
        assert os.fsencode(result.train.paths[2]) == b'train/a/\xff\n".mp4'
        assert [os.fsencode(path) for path in quarantine(result)] == [b"train/b/\xfe.mp4"]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train/a": 2, "test/a": 2}, "only one class"),
        ({"train/a": 2, "test/b": 2}, r"1 class \('b'\) without a usable training video"),
        ({"a": 1, "b": 1}, "no video to test on"),
        ({".": 3}, "no class folders"),
    ],
)
def test_too_little_data(make_folder, counts, message):
    with pytest.raises(DataError, match=message):
        load(make_folder(counts))


def test_a_class_whose_videos_are_all_bad(make_folder):
    root = make_folder({"train/a": 3, "train/b": 1, "test/a": 1})
    (root / "train" / "b" / "0.mp4").write_text("bad")
    with pytest.raises(DataError, match=r"'b'\) without a usable training video; 'train/b/0.mp4'"):
        load(root, max_bad=0.5)


def test_no_folder_and_empty_folder(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        load(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no video file"):
        load(tmp_path / "empty")


def test_everything_behind_a_link_says_so(make_folder, tmp_path):
    real = make_folder()
    (tmp_path / "linked").mkdir()
    for split in ("train", "test"):
        (tmp_path / "linked" / split).symlink_to(real / split)
    with pytest.raises(DataError, match=r"no video file.*--follow-symlinks"):
        load(tmp_path / "linked")
    assert len(load(tmp_path / "linked", follow_symlinks=True).train) == 6


def test_a_time_limit_stops_a_slow_file(make_folder, monkeypatch):
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", hang_on_the_first)
    root = make_folder()
    data = load(root, workers=2, time_limit=1.0, max_bad=0.1)
    assert quarantine(data) == {"train/a/0.mp4": "timeout"}
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", try_read_clips)
    assert load(root).quarantined == (), "the next time it is tried again"


def hang_on_the_first(path, size, pick, limits, skim, decoder):
    if path.match("train/a/0.mp4"):
        threading.Event().wait(60)
    return try_read_clips(path, size, pick, limits)


def die_on_the_first(path, size, pick, limits, skim, decoder):
    if path.match("train/a/0.mp4"):
        os._exit(3)
    return try_read_clips(path, size, pick, limits)


def test_a_crash_costs_one_file(make_folder, monkeypatch):
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", die_on_the_first)
    data = load(make_folder(), workers=2, max_bad=0.1)
    assert quarantine(data) == {"train/a/0.mp4": "crashed"}
    assert len(data.train) == 5


def test_what_fails_again_does_not_cost_the_others_again(make_folder, monkeypatch):
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", die_on_the_first)
    root, heard = make_folder(), []
    first = load(root, workers=2, max_bad=0.1)
    again = load(root, workers=2, max_bad=0.1, listener=heard.append)
    assert heard == []
    assert cache_bytes(again) == cache_bytes(first)


def test_a_bad_file_of_a_killed_process_gets_its_own_reason_the_next_time(make_folder, monkeypatch):
    root = make_folder()
    (root / "train/a/0.mp4").write_bytes(b"no video")
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", die_on_the_first)
    assert quarantine(load(root, workers=2, max_bad=0.1)) == {"train/a/0.mp4": "crashed"}
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", try_read_clips)
    assert quarantine(load(root, max_bad=0.1)) == {"train/a/0.mp4": "not-a-video"}


@fault("40c", "too little room for the clips", "exit code 5 before anything is decoded")
def test_room_on_the_disk_is_checked_first(make_folder, monkeypatch, tmp_path):
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(200, 1, 10 * 3 * 8 * 8 * 3 + 9)
    )
    monkeypatch.setattr("vidcondense.video.index.try_read_clips", None)
    with pytest.raises(LimitError, match=r"need up to 5.8 kB .* 10 B must stay.*--cache-dir"):
        load(make_folder(), cache_dir=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == [], "nothing is left behind"


@pytest.mark.parametrize("workers", [0, 2])
def test_an_interrupted_call_goes_on_where_it_stopped(mixed, tmp_path, workers):
    root, expected = mixed
    whole = load(root, max_bad=0.5, cache_dir=tmp_path / "whole")
    heard = []

    def stop(event):
        heard.append(event["done"])
        if event["done"] in (5, 13):
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            load(root, listener=stop, workers=workers, cache_dir=tmp_path / "cache", max_bad=0.5)
        (left,) = (tmp_path / "cache").iterdir()
        assert left.name.endswith(".partial")
    result = load(root, listener=stop, workers=workers, cache_dir=tmp_path / "cache", max_bad=0.5)
    # What was told last had been written already, so nothing is decoded twice.
    assert heard == list(range(1, 21))
    assert cache_bytes(result) == cache_bytes(whole)
    assert quarantine(result) == expected
    assert list((tmp_path / "cache").iterdir()) == [result.cache]


DIE = """
import os, signal, sys
from pathlib import Path
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

def die(event):
    if event["done"] == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

data = DataOptions(workers=int(sys.argv[4]), cache_dir=Path(sys.argv[2]))
load_data(Path(sys.argv[1]), data, ClipOptions(num_frames=3, stride=2, size=8), listener=die)
"""


@fault("58c", "SIGKILL while videos are read", "goes on behind the last one written")
@pytest.mark.parametrize("workers", [0, 2])
def test_a_killed_process_leaves_what_it_did(make_folder, tmp_path, workers):
    root, cache = make_folder(), tmp_path / "cache"
    command = [sys.executable, "-c", DIE, str(root), str(cache), "7", str(workers)]
    done = subprocess.run(command, timeout=120)
    assert done.returncode == -signal.SIGKILL
    heard = []
    result = load(root, listener=heard.append, cache_dir=cache)
    assert [event["done"] for event in heard] == [8, 9, 10]
    assert cache_bytes(result) == cache_bytes(load(root, cache_dir=tmp_path / "whole"))


FULL = """
import resource, signal, sys
from pathlib import Path
from vidcondense.errors import OutputError
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
try:
    data = DataOptions(workers=0, cache_dir=Path(sys.argv[2]))
    load_data(Path(sys.argv[1]), data, ClipOptions(num_frames=3, stride=2, size=8))
except OutputError as error:
    sys.exit(f"OutputError: {error}")
"""


def test_a_full_disk_keeps_what_was_done(make_folder, tmp_path):
    """A video has 576 bytes here, so the third does not fit."""
    root, cache = make_folder(), tmp_path / "cache"
    command = [sys.executable, "-c", FULL, str(root), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "OutputError: cannot write" in done.stderr
    heard = []
    result = load(root, listener=heard.append, cache_dir=cache)
    assert [event["done"] for event in heard] == list(range(3, 11))
    assert cache_bytes(result) == cache_bytes(load(root, cache_dir=tmp_path / "whole"))


def test_two_processes_do_not_do_the_same_work(make_folder, tmp_path):
    """The second hears that it must wait, and then takes what the first has made."""
    root, cache = make_folder(), tmp_path / "cache"
    code = DIE.replace("os.kill(os.getpid(), signal.SIGKILL)", "print(flush=True); sys.stdin.read(1)")
    command = [sys.executable, "-c", code, str(root), str(cache), "3", "0"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        first.stdout.readline()
        heard = []

        def listen(event):
            heard.append(event)
            first.stdin.write(b"x")
            first.stdin.flush()

        result = load(root, listener=listen, cache_dir=cache)
        assert first.wait(60) == 0
    assert [event["kind"] for event in heard] == ["wait"]
    assert list(cache.iterdir()) == [result.cache]


def test_no_place_for_the_cache(make_folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot write"):
        load(make_folder(), cache_dir=tmp_path / "file" / "cache")


def test_nothing_is_written_beside_the_videos(make_folder):
    root = make_folder()
    before = sorted(root.rglob("*"))
    load(root, workers=2)
    assert sorted(root.rglob("*")) == before
    assert [entry.root for entry in list_cache()].count(str(root)) == 1


def test_folders_of_images(tmp_path):
    root = tmp_path / "frames"
    for number, name in enumerate(("train/a/1", "train/b/1", "test/a/1", "test/b/1")):
        (root / name).mkdir(parents=True)
        for frame in range(1, 7):
            image = Image.new("RGB", (16, 16), (10 * number + frame,) * 3)
            image.save(root / name / f"img_{frame:05d}.png")
    first = load(root)
    assert first.listing.layout == "frames"
    assert first.train.clips8([0, 1])[:, :, 0, 0, 0].tolist() == [[1, 3, 5], [11, 13, 15]]
    (root / "test" / "b" / "1" / "img_00006.png").unlink()
    second = load(root)
    assert second.cache != first.cache, "a frame less is another dataset"
    (root / "test" / "b" / "1" / "img_00003.png").unlink()
    (root / "test" / "a" / "1" / "img_00001.png").unlink()
    (root / "test" / "a" / "1" / "img_00001.png").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match=r"missing-frames 1, outside-root 1|outside-root 1"):
        load(root)
    assert quarantine(load_unchecked(root)) == {"test/b/1": "missing-frames", "test/a/1": "outside-root"}


def load_unchecked(root):
    from vidcondense.video.audit import audit

    return audit(root, DataOptions(workers=0))


def test_a_list_with_any_names_from_anywhere(make_folder, tmp_path):
    root = make_folder()
    names = [b"train/a/0.mp4", b"x y #;\n\xf0\x9f\x98\x80.mp4", b"-\xff\xfe.mp4", b'"q",\'.mp4']
    for old, new in zip(("a/1.mp4", "b/1.mp4", "b/2.mp4"), names[1:], strict=True):
        (root / "train" / old).rename(root / os.fsdecode(new))
    labels = ("a", "b", "b", "a")
    splits = (b"train", b"train", b"test", b"test")
    lines = [
        b'"%s",%s,%s' % (name.replace(b'"', b'""'), label.encode(), split)
        for name, label, split in zip(names, labels, splits, strict=True)
    ]
    (tmp_path / "my.csv").write_bytes(b"\xef\xbb\xbfpath,label,split\r\n" + b"\r\n".join(lines))
    data = load(root, list_file=(tmp_path / "my.csv",))
    assert [os.fsencode(path) for path in (*data.train.paths, *data.test.paths)] == [
        names[0],
        names[1],
        names[3],
        names[2],
    ]
    assert data.train.clips8([0, 1])[:, 0, 1, 0, 0].tolist() == [0, 10]
    with pytest.raises(DataError, match=r"--list-file .* is no file"):
        load(root, list_file=(tmp_path / "none.csv",))


def test_an_unknown_class_is_not_blamed_on_links(make_folder):
    root = make_folder()
    (root / "train" / "a" / "broken.mp4").symlink_to("nowhere")
    with pytest.raises(DataError) as caught:
        load(root, classes=("c", "a"))
    assert str(caught.value) == "--classes: unknown class 'c' (known: a, b)"


def test_parts_of_a_dataset_have_caches_of_their_own(make_folder):
    root = make_folder({f"{split}/{name}": 3 for split in ("train", "test") for name in "abc"})
    caches = set()
    for options, classes, train in (
        ({}, ("a", "b", "c"), [0, 0, 0, 1, 1, 1, 2, 2, 2]),
        ({"classes": ("c", "a")}, ("a", "c"), [0, 0, 0, 1, 1, 1]),
        ({"max_per_class": 2}, ("a", "b", "c"), [0, 0, 1, 1, 2, 2]),
        ({"classes": ("c", "a"), "max_per_class": 1}, ("a", "c"), [0, 1]),
    ):
        data = load(root, **options)
        assert data.train.classes == data.test.classes == classes
        assert data.train.labels.tolist() == train
        assert len(data.test) == 3 * len(classes)
        caches.add(data.cache)
    assert len(caches) == 4


def test_real_videos(ucf101_5, tmp_path):
    """Three clips of two classes of the real set, through their official layout."""
    root = tmp_path / "part"
    for folder in ("Diving", "Swing"):
        for clip in ("g01_c02", "g08_c03", "g09_c01", "g09_c02", "g09_c03", "g08_c05", "g08_c01"):
            source = ucf101_5 / "UCF-101" / folder / f"v_{folder}_{clip}.mp4"
            if source.exists():
                (root / "UCF-101" / folder).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, root / "UCF-101" / folder)
    shutil.copytree(ucf101_5 / "ucfTrainTestlist", root / "ucfTrainTestlist")
    data = load_data(root, DataOptions(workers=2), ClipOptions())
    assert data.listing.layout == "ucf101"
    assert data.train.classes == ("Diving", "Swing")
    assert data.quarantined == ()
    assert len(data.listing.missing) > 100
    assert data.train[0][0].shape == (16, 3, 112, 112)
    assert 0.1 < data.train.mean.mean() < 0.9


@pytest.mark.parametrize(
    "wrong",
    [
        {"fold": 0},
        {"split_seed": -1},
        {"test_fraction": 0.0},
        {"test_fraction": 1.0},
        {"test_fraction": float("nan")},
        {"max_bad": -0.1},
        {"max_per_class": 0},
        {"max_bad": 1.1},
        {"workers": -2},
        {"time_limit": 0.0},
        {"time_limit": float("inf")},
    ],
)
def test_wrong_options(wrong):
    with pytest.raises(UsageError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        DataOptions(**wrong)


def test_skimming_has_a_cache_of_its_own_with_the_same_clips(tmp_path):
    make_toy(
        tmp_path / "toy", ToyOptions(pairs=1, train_per_class=2, test_per_class=1, num_frames=20, workers=0)
    )
    clip = ClipOptions(num_frames=4, stride=1, size=16)
    plain, skimmed = (
        load_data(tmp_path / "toy", DataOptions(workers=0, cache_dir=tmp_path, skim=skim), clip)
        for skim in (False, True)
    )
    assert plain.cache != skimmed.cache
    assert torch.equal(plain.train.clips8(range(4)), skimmed.train.clips8(range(4)))
