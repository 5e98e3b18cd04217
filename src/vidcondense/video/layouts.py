"""Dataset layouts: a table of pure parsers, files → records.

A new layout is a function `(Tree, SplitRule) → Listing` in a file of its own, a line in `LAYOUTS`, and an
entry with an example in `catalogue.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from vidcondense.errors import DataError
from vidcondense.options import choose
from vidcondense.video.folder import parse_folder, parse_frames
from vidcondense.video.guess import guess
from vidcondense.video.hmdb51 import parse_hmdb51, parse_hmdb51_leaky
from vidcondense.video.kinetics import KINETICS
from vidcondense.video.listing import Listing, SplitRule, Tree
from vidcondense.video.lists import parse_mmaction, parse_slowfast
from vidcondense.video.names import folded
from vidcondense.video.ssv2 import parse_ssv2
from vidcondense.video.tables import parse_csv, parse_miniucf
from vidcondense.video.texts import read_json
from vidcondense.video.ucf101 import parse_ucf101

Layout = Literal[
    "auto",
    "folder",
    "frames",
    "csv",
    "ucf101",
    "miniucf",
    "hmdb51",
    "hmdb51-leaky",
    "kinetics400",
    "kinetics600",
    "kinetics700",
    "ssv2",
    "mmaction",
    "slowfast",
]

Parser = Callable[[Tree, SplitRule], Listing]

LAYOUTS: Mapping[str, Parser] = {
    "folder": parse_folder,
    "frames": parse_frames,
    "csv": parse_csv,
    "ucf101": parse_ucf101,
    "miniucf": parse_miniucf,
    "hmdb51": parse_hmdb51,
    "hmdb51-leaky": parse_hmdb51_leaky,
    **KINETICS,
    "ssv2": parse_ssv2,
    "mmaction": parse_mmaction,
    "slowfast": parse_slowfast,
}

LIST_LAYOUTS = ("csv", "miniucf", "hmdb51-leaky", *KINETICS, "mmaction", "slowfast")
"""Layouts whose lists may be any files of the user's (`SplitRule.list_files`)."""

CARD = "dataset.json"
"""A file in the root by which a dataset tells its `layout`, and whether it may be mirrored (`flip`)."""


def parse(tree: Tree, layout: str, rule: SplitRule) -> Listing:
    """Read a dataset's layout.

    Args:
        tree: the files.
        layout: a layout's name, or `auto` to find out (the listing's notes then say why).
        rule: which split to use.

    Raises:
        UsageError: there is no such layout.
        DataError: the files do not have this layout; names the file and line where there is one.
    """
    card = _read_card(tree)
    name, reason = (layout, "") if layout != "auto" else _guess(tree, card, rule)
    parser = choose(LAYOUTS, name, "layout")
    if rule.list_files and name not in LIST_LAYOUTS:
        raise DataError(
            f"--list-file says nothing to the layout {name}; use --layout {', '.join(LIST_LAYOUTS)}"
        )
    listing = parser(tree, rule)
    if len(listing.classes) == 1:
        raise DataError(
            f"there is only one class, {listing.classes[0]!r}; a dataset needs two or more class folders "
            "(where they lie inside that one, give it instead)"
        )
    why = [f"layout {name}: {reason}"] if reason else []
    notes = (*why, *listing.notes, *_twins(listing.classes))
    return replace(listing, notes=notes, flip=listing.flip and card.get("flip", True))


def _guess(tree: Tree, card: Mapping[str, Any], rule: SplitRule) -> tuple[str, str]:
    if "layout" in card and not rule.list_files:
        return card["layout"], f"{CARD} says so"
    return guess(tree, rule)


def _twins(classes: tuple[str, ...]) -> list[str]:
    """Classes that a person may take for the same."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        spellings[folded(name).replace("_", " ").replace('"', "").strip()].append(name)
    twins = [names for names in spellings.values() if len(names) > 1]
    return [f"classes {' and '.join(map(repr, names))} differ in spelling only" for names in twins]


def _read_card(tree: Tree) -> dict[str, Any]:
    if CARD not in tree.texts:
        return {}
    card = read_json(tree, CARD)
    if not isinstance(card, dict) or not isinstance(card.get("flip", True), bool):
        raise DataError(f'{CARD} must be an object, with "flip" true or false; mend it or delete it')
    if "layout" in card and card["layout"] not in list(LAYOUTS):
        raise DataError(f'{CARD}: "layout" must be one of {", ".join(LAYOUTS)}, not {card["layout"]!r:.80}')
    return card
