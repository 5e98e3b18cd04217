from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from vidcondense.errors import OutputError, VideoError
from vidcondense.media.decode import Decoded
from vidcondense.video import helpers
from vidcondense.video.build import Task
from vidcondense.video.helpers import Blocks
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.listing import Record
from vidcondense.video.sampling import ClipOptions

SHAPE = (1, 2, 3, 3, 3)
COUNT = 10


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(helpers, "MAX_BLOCK", 4)
    monkeypatch.setattr(helpers, "_BLOCKS_A_RANK", 1)


class Reader:
    """Decodes by name, every third video is bad, and writes down what it was asked for."""

    def __init__(self, stop_after=None):
        self.asked, self.stop_after = [], stop_after

    def __call__(self, tasks):
        for task in tasks:
            number = int(task.record.path)
            if len(self.asked) == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(number)
            if number % 3 == 2:
                yield VideoError("corrupt", f"number {number}")
            else:
                clips = np.full(SHAPE, number, np.uint8)
                yield Decoded(clips=clips, num_frames=number, width=3, height=3, fps=None, notes=("rotated",))


@pytest.fixture
def make_blocks(tmp_path):
    tasks = [
        Task(
            path=Path(str(number)),
            record=Record(path=str(number), label=0, split="train", group=""),
            pick=lambda count: np.arange(2),
            size=1,
            mtime_ns=1,
            refused=None,
        )
        for number in range(COUNT)
    ]
    return lambda decode: Blocks(folder=tmp_path / "blocks", tasks=tasks, shape=SHAPE, decode=decode)


def plain(results):
    return [
        (result.code, result.detail)
        if isinstance(result, VideoError)
        else {**asdict(result), "clips": result.clips.tolist()}
        for result in results
    ]


@pytest.fixture
def expected(make_blocks):
    blocks = make_blocks(Reader())
    return plain(blocks.decode(blocks.tasks))


@pytest.mark.parametrize("done", [0, 3, 4, 9, 10])
def test_alone_the_builder_decodes_all_but_what_is_done(make_blocks, expected, done):
    reader = Reader()
    assert plain(make_blocks(reader).read(done)) == expected[done:]
    assert reader.asked == list(range(done, COUNT))


@pytest.mark.parametrize("done", [0, 6, 9])
def test_what_a_helper_has_read_is_not_decoded_again(make_blocks, expected, done):
    helper, reader = Reader(), Reader()
    over = iter([False] * 8 + [True]).__next__  # before each of two blocks, and after each of their videos
    assert make_blocks(helper).help(over) == 6
    assert helper.asked == [8, 9, 4, 5, 6, 7]  # the last block first
    assert plain(make_blocks(reader).read(done)) == expected[done:]
    assert reader.asked == list(range(done, 4))


@pytest.mark.parametrize("stop_after", range(7))
def test_of_a_helper_that_was_interrupted_the_builder_takes_what_there_is(make_blocks, expected, stop_after):
    helper, reader = Reader(stop_after), Reader()
    with pytest.raises(KeyboardInterrupt):
        make_blocks(helper).help(lambda: False)
    assert plain(make_blocks(reader).read(0)) == expected
    assert sorted([*helper.asked, *reader.asked]) == list(range(COUNT))


def test_another_helper_goes_on_where_one_stopped(make_blocks):
    first, second = Reader(3), Reader()
    with pytest.raises(KeyboardInterrupt):
        make_blocks(first).help(lambda: False)
    assert make_blocks(second).help(lambda: False) == 7
    assert second.asked == [5, 6, 7, 0, 1, 2, 3]


def test_clips_that_were_damaged_on_the_disk_are_decoded_again(make_blocks, expected, tmp_path):
    make_blocks(Reader()).help(lambda: False)
    (part,) = tmp_path.glob("blocks/4-8.part")
    held = bytearray((part / "clips.u8").read_bytes())
    held[np.prod(SHAPE)] ^= 1  # in the second clip of the block: of video 6, as 5 is bad
    (part / "clips.u8").write_bytes(held)
    reader = Reader()
    assert plain(make_blocks(reader).read(0)) == expected
    assert reader.asked == [6, 7]


def test_a_part_without_its_files_is_no_part(make_blocks, expected, tmp_path):
    (tmp_path / "blocks" / "0-4.part").mkdir(parents=True)
    assert plain(make_blocks(Reader()).read(0)) == expected


def test_a_helper_reads_nothing_that_the_builder_has_passed(make_blocks):
    builder = make_blocks(Reader()).read(0)
    for _ in range(6):
        next(builder)
    helper = Reader()  # in this process a lock is no obstacle: only what was passed tells
    make_blocks(helper).help(lambda: False)
    assert not {0, 1, 2, 3} & set(helper.asked)


def test_of_blocks_that_were_done_before_a_helper_reads_nothing(make_blocks):
    builder, helper = make_blocks(Reader()).read(8), Reader()
    next(builder)
    make_blocks(helper).help(lambda: False)
    assert helper.asked == [8, 9]


def test_a_helper_stops_within_a_block_when_the_cache_is_done(make_blocks):
    helper = Reader()
    over = iter([False] * 4 + [True] * 2).__next__
    assert make_blocks(helper).help(over) == 3
    assert helper.asked == [8, 9, 4]


def test_a_helper_takes_the_folder_that_goes_for_the_end(make_blocks, monkeypatch, tmp_path):
    """The builder deletes it between two blocks, before the helper has a lock there."""
    helper = Reader()
    blocks = make_blocks(helper)
    answers = iter([False, True, True])
    monkeypatch.setattr(helpers, "make_folder", lambda folder: None)
    blocks.help(answers.__next__)
    assert list(answers) == []  # it asked again when it could not write, and once more before the next block
    assert helper.asked == []
    assert not blocks.folder.exists()


def test_a_helper_that_cannot_write_says_so(make_blocks, monkeypatch):
    monkeypatch.setattr(helpers, "make_folder", lambda folder: None)
    with pytest.raises(OutputError, match="blocks"):
        make_blocks(Reader()).help(lambda: False)


def test_a_helper_that_comes_late_makes_no_folder(make_blocks):
    blocks = make_blocks(Reader())
    assert blocks.help(lambda: True) == 0
    assert not blocks.folder.exists()


def test_the_bytes_are_those_of_clips_that_wait_for_the_builder(make_blocks):
    blocks = make_blocks(Reader())
    assert blocks.bytes() == 0
    blocks.help(lambda: False)
    assert blocks.bytes() == 7 * np.prod(SHAPE)  # of ten videos three are bad
    list(blocks.read(0))
    assert blocks.bytes() == 0


@pytest.mark.parametrize(("count", "ranks", "lengths"), [(10, 1, {4, 2}), (3, 2, {2, 1}), (7, 7, {1})])
def test_blocks_hold_every_video_once(make_blocks, monkeypatch, count, ranks, lengths):
    monkeypatch.setenv("WORLD_SIZE", str(ranks))
    blocks = replace(make_blocks(Reader()), tasks=make_blocks(Reader()).tasks[:count])._blocks()
    assert [at for block in blocks for at in block] == list(range(count))
    assert {len(block) for block in blocks} == lengths


BUILD = """
import sys
from pathlib import Path
from vidcondense.video import helpers
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

def listen(event):
    if event["done"] == 1:  # the first block is locked now
        print(flush=True)
        sys.stdin.read(1)

helpers.MAX_BLOCK, helpers._BLOCKS_A_RANK = 4, 1
options = DataOptions(workers=0, cache_dir=Path(sys.argv[2]))
load_data(sys.argv[1], options, ClipOptions(num_frames=3, stride=2, size=8), listener=listen)
"""


def test_two_ranks_make_the_cache_of_one(make_folder, tmp_path, monkeypatch):
    root, clip = make_folder(), ClipOptions(num_frames=3, stride=2, size=8)
    alone = load_data(root, DataOptions(workers=0, cache_dir=tmp_path / "one"), clip).cache
    monkeypatch.setenv("WORLD_SIZE", "2")
    command = [sys.executable, "-c", BUILD, str(root), str(tmp_path / "two")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as builder:
        builder.stdout.readline()
        helped, really = [], Blocks.help

        def help_and_go_on(blocks, over):
            helped.append(really(blocks, over))
            builder.stdin.write(b"x")
            builder.stdin.flush()

        monkeypatch.setattr(Blocks, "help", help_and_go_on)
        heard = []
        options = DataOptions(workers=0, cache_dir=tmp_path / "two")
        hang_guard = threading.Timer(60, builder.kill)
        hang_guard.start()
        shared = load_data(root, options, clip, listener=heard.append).cache
        hang_guard.cancel()
        assert builder.wait(60) == 0
    assert helped == [6]  # of ten videos all but those of the first block, which the builder has
    assert [event["kind"] for event in heard] == ["wait"]
    assert list((tmp_path / "two").iterdir()) == [shared]
    for file in alone.iterdir():
        assert (shared / file.name).read_bytes() == file.read_bytes()
