"""Write what is generated in docs/methods: the facts at the head of every page, and the index.

python .ci/method_pages.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vidcondense.methods import METHODS, Method, Stage
from vidcondense.settings import CondenseOptions
from vidcondense.sizes import size_of

PAGES = Path(__file__).parent.parent / "docs" / "methods"
BODY = "## What it is"

SHAPES = {
    "sparse": "sparse key frames",
    "dense": "every frame a key frame",
    "still": "one key frame, shown all the time",
    "static": "single still images",
    "static-dynamic": "still images, dynamic memories and a shared convolution",
}


INDEX = """# Methods

All are made by `vidcondense condense DATA --out OUT --method METHOD`, stored in the same format
([format.md](../format.md)) and judged alike ([protocols.md](../protocols.md)). The pages have one shape; what
the table of methods says of a method is at the head of its page (`python .ci/method_pages.py` writes it).

## Which one?

As far as five classes of UCF101 and the toy set tell ([findings](../findings.md#what-to-do-with-it), with
intervals):

- To compare with the paper: [prism](prism.md), and without its insertion (`--insertion none`).
- One video a class, whatever it weighs: prism without its insertion. [dm](dm.md) from noise, [dc](dc.md),
  [dsa](dsa.md), [mtt](mtt.md) and [static-dynamic](static-dynamic.md), with learning rates found by
  `vidcondense tune`, were not shown to lead it, and the last two do worse on the toy set.
- One video a class in few bytes: prism with `--insertion none --key-frame-size 16 --match dsa --lr 1
  --real-batch 8 --iterations 300`.
- Several videos a class: prism with `--insertion none --key-frame-size 16 --match-targets cluster`. By DSA
  (`--match dsa`) no gain was shown.
- Always beside them: [random](random.md) and [herding](herding.md), the controls.

## All of them

Videos that are learned:

{learned}

Real clips, the controls; at the same number of videos they are much larger than key frames:

{selected}

```{{toctree}}
:hidden:
:glob:

*
```
"""

MINIUCF = ((16, 3, 112, 112), 50)
"""What sizes are told of: clips and classes of miniUCF, as in the papers."""


def head(name: str) -> str:
    """Title, summary and facts of a method, all from the table."""
    method = METHODS[name]
    rows = {
        "source": method.source,
        "made of": made_of(method),
        "stored, 50 classes, VPC 1, 16×112×112": stored(name),
        "command": f"`vidcondense condense DATA --out OUT --method {name}`",
    }
    table = "\n".join(f"| {key} | {value} |" for key, value in rows.items())
    return f"# {name}\n\n{sentence(method.summary)}\n\n| | |\n|---|---|\n{table}\n\n"


def made_of(method: Method) -> str:
    """The stages of a method, or its selection."""
    if method.select:
        return f"real clips, selected: {method.select}"
    return "; then ".join(map(_stage, method.stages))


def _stage(stage: Stage) -> str:
    own, *others = stage.match
    choice = f" (or {', '.join(others)}: `--match`)" if others else ""
    inserted = ", with insertion of key frames" if stage.insertion else ""
    return f"{SHAPES[stage.videos]}, from {stage.init}, matching {own}{choice}{inserted}"


def stored(name: str) -> str:
    """The size of a set in paper MB, and in bytes of the default codec without the manifest."""
    size = size_of(*MINIUCF, CondenseOptions(method=name))
    payload = [round(count / 1e6, 2) for count in size.payload_bytes("uint8")]
    return (
        f"{_range([round(mb, 1) for mb in size.paper_mb])} paper MB; {_range(payload)} million bytes as uint8"
    )


def _range(values: Sequence[float]) -> str:
    low, high = values
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def index() -> str:
    """The page that lists all others."""
    lines = [f"| [{name}]({name}.md) | {method.summary} |" for name, method in METHODS.items()]
    learned = [line for line, method in zip(lines, METHODS.values(), strict=True) if method.stages]
    selected = [line for line, method in zip(lines, METHODS.values(), strict=True) if method.select]
    top = "| method | what it is |\n|---|---|\n"
    return INDEX.format(learned=top + "\n".join(learned), selected=top + "\n".join(selected))


def sentence(text: str) -> str:
    """A summary as a sentence."""
    return text[0].upper() + text[1:] + "."


def page(name: str) -> str:
    """A whole page: the head, and the body that is there."""
    text = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    return head(name) + text[text.index(BODY) :]


def main() -> None:
    """Write every page."""
    for name in METHODS:
        (PAGES / f"{name}.md").write_text(page(name), encoding="utf-8")
    (PAGES / "index.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    main()
