r"""Draw docs/report.png: the top of a report in Chromium, without the tables, down to the first videos.

    toy="--mode scenes --pairs 3 --train-per-class 40 --test-per-class 40 --num-frames 8 --size 48"
    clip="--num-frames 8 --stride 1 --size 48"
    vidcondense toy videos $toy
    vidcondense condense videos --out prism $clip --init real --iterations 60 --real-batch 16 --lr 10
    vidcondense condense videos --out random $clip --method random
    vidcondense evaluate prism random --data videos --out results --repeats 3 --steps 100 \
        --full-data --full-data-steps 100
    vidcondense report prism random --results results --data videos --out report.html
    python .ci/report_picture.py report.html docs/report.png

Needs the extra `browser`; $CHROMIUM names a Chromium other than playwright's.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SIZE = {"width": 1180, "height": 1745}
FRAME = "3"
PREPARE = """
document.querySelectorAll("#accuracy > .charts ~ *, .numbers").forEach(each => each.remove());
document.activeElement.blur();
scrollTo({top: 0, behavior: "instant"});
"""


def main(report: str, picture: str) -> None:
    """Draw the picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"))
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        page.goto(Path(report).absolute().as_uri())
        page.locator("#frame").fill(FRAME)
        page.evaluate(PREPARE)
        shot = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    shot.convert("RGB").save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
