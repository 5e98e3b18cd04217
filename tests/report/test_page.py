from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import shutil
from html.parser import HTMLParser

import pytest
import torch

from vidcondense.errors import DataError, OutputError, UsageError
from vidcondense.report.page import ReportOptions, write_report
from vidcondense.report.runs import read_runs
from vidcondense.storage.condensed import save_stored
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy


class Page(HTMLParser):
    """The tags of a page, its texts, and what it would fetch."""

    def __init__(self, path):
        super().__init__()
        self.html = path.read_text(encoding="utf-8")
        self.tags, self.ids, self.open, self.texts, self.scripts = [], [], [], [], []
        self.feed(self.html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append((tag, values))
        if "id" in values:
            self.ids.append(values["id"])
        if tag not in ("meta", "link", "input", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        (self.scripts if self.open and self.open[-1] == "script" else self.texts).append(data)

    def having(self, attribute):
        return [values[attribute] for _, values in self.tags if attribute in values]


def test_the_page_is_whole_and_fetches_nothing(condensed, results, tmp_path):
    page = Page(write_report([condensed.folder], tmp_path / "report.html", results=[results]))
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.having("src") == []
    assert all(link.startswith(("#", "data:")) for link in page.having("href"))
    assert {link.removeprefix("#") for link in page.having("href") if link.startswith("#")} <= set(page.ids)
    assert "http" not in re.sub(r"url\(data:[^)]+\)", "", page.html).replace("http-equiv", "")
    assert not any(name.startswith("on") for _, values in page.tags for name in values)


def test_the_policy_allows_this_script_alone(condensed, tmp_path):
    page = Page(write_report([condensed.folder], tmp_path / "report.html"))
    (policy,) = (values["content"] for tag, values in page.tags if values.get("http-equiv"))
    (script,) = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_it_shows_what_there_is(condensed, results, comparison, tmp_path):
    page = Page(write_report([condensed.folder], tmp_path / "report.html", results=[results, comparison]))
    text = " ".join(" ".join(page.texts).split())
    sections = {"overview", "accuracy", "videos", "key-frames", "training", "motion", "provenance"}
    assert sections <= set(page.ids)
    assert "prism" in text
    assert "vidcondense condense DATA --out prism" in text
    assert "vidcondense evaluate prism --data DATA" in text
    assert "vidcondense report prism --results results compared --out report.html" in text
    assert "75.0 %" in text  # on the card
    assert "accuracy, 95 % interval 70.0 to 80.0; 4 condensed videos" in text
    assert "vidcondense compare 'a plan.toml' --only prism-0" in text
    assert condensed.manifest["sha256"] in text
    inserted = [key for row in condensed.positions for key in row[1:-1]]
    assert text.count("Why these key frames") == sum(len(row) > 2 for row in condensed.positions)
    assert len([1 for _, v in page.tags if v.get("class") == "key"]) == len(inserted) + 2 * len(condensed)


def test_real_clips_are_not_called_condensed_and_have_no_key_frames_to_explain(hostile, tmp_path):
    page = Page(write_report([hostile.folder], tmp_path / "report.html"))
    text = " ".join(" ".join(page.texts).split())
    assert text.count("all frames stored") == len(hostile)
    assert "real clips, as they are" in text
    story = text[text.index("Every video") : text.index("To make it again")]
    assert not [word for word in ("gradient", "key frame", "condensed") if word in story]
    assert not [1 for _, values in page.tags if "data-frame" in values and values.get("type") == "button"]
    labels = [label for label in page.having("aria-label") if "8 frames" in label]
    assert len(labels) == len(hostile)
    assert all(label.startswith("real clip") for label in labels)


def test_every_chart_has_its_numbers_as_a_table(condensed, results, tmp_path):
    page = Page(write_report([condensed.folder], tmp_path / "report.html", results=[results]))
    charts = [values["aria-label"] for tag, values in page.tags if tag == "svg"]
    assert page.texts.count("Numbers") == len(charts) > 6
    (loss,) = (label for label in charts if label.startswith("Loss. "))
    losses = [event["loss"] for event in read_runs([condensed.folder])[0].iterations]
    shown = [f"{value:.4g}" for value in (losses[0], losses[-1], min(losses))]
    assert "first {}, last {}, least {} at iteration".format(*shown) in loss
    assert {*shown} <= {text.strip() for text in page.texts}


def test_why_tells_the_threshold_and_what_was_there_from_the_start(condensed, tmp_path):
    text = " ".join(" ".join(Page(write_report([condensed.folder], tmp_path / "r.html")).texts).split())
    assert "cosines, both below ε = 1" in text
    assert text.count("0, 7 from the start") == sum(len(row) > 2 for row in condensed.positions)


def test_the_mirroring_told_is_the_one_in_force(condensed, tmp_path):
    """`data` may allow what the dataset itself forbids."""
    data = {**condensed.manifest["data"], "flip": True}
    origin = dataclasses.replace(condensed.origin, data=data, flip=False)
    save_stored(tmp_path / "set", condensed.stored, condensed.labels, "uint8", origin)
    text = " ".join(" ".join(Page(write_report([tmp_path / "set"], tmp_path / "r.html")).texts).split())
    assert "mirrored in training no" in text
    assert '"flip": false' in text
    assert '"flip": true' not in text


def test_hostile_names_are_text(hostile, hostile_name, tmp_path):
    page = Page(write_report([hostile.folder], tmp_path / "report.html"))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert len(page.scripts) == 1
    assert page.texts.count(hostile_name) >= 1
    assert not page.having("onload")
    assert "49" not in page.having("data-name")[0]


def test_without_log_and_results_their_sections_are_absent(hostile, tmp_path):
    page = Page(write_report([hostile.folder], tmp_path / "report.html"))
    assert not {"accuracy", "key-frames", "training"} & set(page.ids)
    assert {"videos", "motion", "provenance"} <= set(page.ids)


def test_several_sets_side_by_side_and_the_same_bytes_again(condensed, hostile, tmp_path):
    folders = [condensed.folder, hostile.folder]
    first = write_report(folders, tmp_path / "a.html").read_bytes()
    assert write_report(folders, tmp_path / "b.html").read_bytes() == first
    page = Page(tmp_path / "a.html")
    assert (
        len([1 for _, values in page.tags if values.get("class", "").startswith("card")]) == 3
    )  # and `cards`
    assert "1 condensed set and 1 of real clips" in " ".join(page.texts)


def test_an_existing_file_is_kept(condensed, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write_report([condensed.folder], tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text() == "mine"
    write_report([condensed.folder], tmp_path / "report.html", overwrite=True)
    with pytest.raises(OutputError, match="exists"):
        write_report([condensed.folder], tmp_path, overwrite=True)


@pytest.mark.parametrize("bad", [{"videos": 0}, {"neighbours": 0}, {"seed": -1}])
def test_bad_options_fail(bad):
    with pytest.raises(UsageError, match=f"--{next(iter(bad))}"):
        ReportOptions(**bad)


@pytest.fixture
def real(tmp_path):
    toy = ToyOptions(pairs=1, train_per_class=2, test_per_class=1, num_frames=8, size=44, workers=0)
    make_toy(tmp_path / "toy", toy)
    return load_data(
        tmp_path / "toy", DataOptions(workers=0), ClipOptions(num_frames=8, stride=1, size=44)
    ).train


def test_real_clips_stand_beside_only_where_wanted(memory_clips, real, tmp_path):
    from vidcondense.condensation import condense
    from vidcondense.settings import CondenseOptions

    made = condense(real, tmp_path / "set", CondenseOptions(method="random", vpc=2))
    folders = [made.folder]
    beside = Page(write_report(folders, tmp_path / "a.html", real=real))
    figures = [values for tag, values in beside.tags if values.get("class") == "clip real"]
    assert len(figures) == 4
    text = " ".join(beside.texts)
    assert text.count("nearest real clip, cos 1.00") == 4  # they are the real clips themselves
    assert "It contains real clips" in text
    assert "real clips" in [t.strip() for t in beside.texts]  # in the charts of motion
    options = ReportOptions(real_clips=False)
    without = Page(write_report(folders, tmp_path / "b.html", options, real=real))
    assert not [1 for _, values in without.tags if values.get("class") == "clip real"]
    assert "It contains real clips" not in " ".join(without.texts)


def test_real_clips_of_other_classes_fail(condensed, real, tmp_path):
    shutil.rmtree(tmp_path / "toy")
    with pytest.raises(DataError, match="are not those of"):
        write_report([condensed.folder], tmp_path / "report.html", real=real)
    assert not (tmp_path / "report.html").exists()


def test_a_page_of_noise_stays_below_its_limit(memory_clips, tmp_path):
    """Uniform noise is the worst there is to compress; here at a sixth of the pixels of a full page."""
    from vidcondense.report import gallery

    torch.manual_seed(0)
    side, frames, videos = 80, 8, 39
    noise = torch.rand(1, frames, 3, side, side)
    size = len(gallery._strip(noise, side)) * videos
    assert size * gallery.PIXELS / (side * side * frames * videos) < 10e6
