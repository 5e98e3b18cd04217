from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

import vidcondense
from vidcondense.cli.main import COMMANDS, module_of
from vidcondense.cli.parse import parse
from vidcondense.matching.options import REAL_BATCH, REAL_BATCH_OF_MEANS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


docs = script("docs")


def commands_of(code):
    """The arguments of every call of vidcondense in a block of bash."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        words = words[1:] if words and words[0].startswith("PYTHONPATH=") else words
        if words and words[0] == "vidcondense":
            ends = [words.index(sign) for sign in ("|", ">") if sign in words]
            yield words[1 : min(ends, default=len(words))]


CALLS = [
    (str(page.relative_to(ROOT)), call)
    for page in docs.pages()
    for block in docs.blocks(page)
    if block.kind == "bash"
    for call in commands_of(block.code)
]


@pytest.mark.parametrize(("page", "call"), CALLS, ids=lambda value: value if isinstance(value, str) else " ")
def test_every_command_that_is_shown_is_understood(page, call):
    """Those that are not run by `make docs-test` are parsed here, like all others."""
    name, *arguments = [word.replace("STEP_SIZE", "0.01") for word in call]
    module = module_of(name)
    parse(module.Arguments, arguments, command=name)


def test_calls_are_found_in_every_form():
    code = "vidcondense toy a \\\n    --size 48  # small\nPYTHONPATH=. vidcondense doctor\necho vidcondense\n"
    code += "vidcondense datasets --json | head > names\n"
    assert list(commands_of(code)) == [["toy", "a", "--size", "48"], ["doctor"], ["datasets", "--json"]]


def test_the_tour_shows_every_command():
    shown = {call[0] for page, call in CALLS if page == "docs/tour.md"}
    assert shown == set(COMMANDS)


def test_the_pages_of_the_commands_are_what_help_says(monkeypatch):
    pages = script("command_pages")
    made = {f"{name}.md": pages.page(name) for name in COMMANDS} | {"index.md": pages.index()}
    there = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "commands").glob("*.md")}
    assert there == made, "run python .ci/command_pages.py"


def test_the_help_names_the_default_of_real_clips():
    words = " ".join((DOCS / "commands" / "condense.md").read_text(encoding="utf-8").split())
    assert f"of dm {REAL_BATCH_OF_MEANS}, of dc, dsa and frepo {REAL_BATCH})" in words


def test_the_python_page_has_every_public_name_once():
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    names = re.findall(r"^\.\. (?:autofunction|autoclass|autoexception|py:data):: (\w+)$", text, re.MULTILINE)
    assert sorted(names) == sorted(set(vidcondense.__all__) - {"__version__"})


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_out_of_the_site_exist(name):
    """Links within docs/ are checked where the site is built."""
    links = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def write(folder, text):
    page = folder / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(text, encoding="utf-8")
    return page


def test_blocks_run_one_after_the_other_in_a_copy_of_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    page = write(
        tmp_path,
        "```python\n# mine.py\nname = 1\n```\n\n"
        "```bash\ntest -f mine.py && test -f here && touch done\n```\n\n"
        "```bash no-run: it would fail\nfalse\n```\n",
    )
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "here").touch()
    assert docs.run(page, tmp_path / "start", tmp_path)
    assert (tmp_path / "docs-page.md" / "done").is_file()
    assert not (tmp_path / "start" / "done").exists()


@pytest.mark.parametrize("kind", ["bash", "python"])
def test_a_block_that_fails_ends_the_page_and_is_told(tmp_path, monkeypatch, capsys, kind):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    page = write(
        tmp_path,
        (f"```{kind}\nexit(3)\n```\n" if kind == "python" else "```bash\necho said; false | true\n```\n")
        + "```bash\ntouch later\n```\n",
    )
    (tmp_path / "start").mkdir()
    assert not docs.run(page, tmp_path / "start", tmp_path)
    assert not (tmp_path / "docs-page.md" / "later").exists()
    printed = capsys.readouterr().out
    assert "-- docs/page.md: FAILED: exit code" in printed
    assert ("said\n" in printed) == (kind == "bash")


def test_a_page_that_fails_fails_the_run_and_the_others_are_run(tmp_path, monkeypatch):
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    monkeypatch.setattr(docs, "START", "true")
    monkeypatch.setenv("VIDCONDENSE_CACHE", "unused")
    write(tmp_path, "```bash\nfalse\n```\n")
    (tmp_path / "docs" / "other.md").write_text(f"```bash\ntouch {tmp_path / 'ran'}\n```\n")
    with pytest.raises(SystemExit, match=r"failed: docs/page\.md$"):
        docs.main(["docs/page.md", "docs/other.md"])
    assert (tmp_path / "ran").exists()
    docs.main(["docs/other.md"])


@pytest.mark.parametrize("info", ["bash no-run", "bash no-run:", "bash skip", "python title=x"])
def test_a_mark_without_a_reason_fails(tmp_path, info):
    page = write(tmp_path, f"```{info}\ntrue\n```\n")
    with pytest.raises(SystemExit, match="no-run: REASON"):
        list(docs.blocks(page))
