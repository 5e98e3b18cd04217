"""A device learns new classes from a few kilobytes: fine-tuning on a condensed set that was sent to it.

A network is trained on the real clips of some classes, with an output for the new ones, too. Then it is
trained on, on the device, with what was sent of the new classes: a condensed set, real clips of as many
bytes, or all real clips. Told are the accuracies on new and on old classes, which fine-tuning on new ones
alone forgets, and what a condensed set of the old classes, sent as well, saves of them.

    python examples/on_device.py
    python examples/on_device.py --data path/to/videos --stride 4 --new 2
"""

from __future__ import annotations

import copy

import common
from common import Joined, Part


def main() -> None:
    """Pre-train once a seed; fine-tune a copy with each of what may be sent."""
    given = common.parser("on_device", __doc__)
    given.add_argument("--new", type=int, default=2, help="new classes, the last ones")
    given.add_argument("--fine-steps", type=int, default=60, help="training steps on the device")
    arguments = given.parse_args()
    data = common.load(arguments)
    classes = data.train.classes
    if not 1 <= arguments.new < len(classes):
        raise SystemExit(f"--new {arguments.new}: there are {len(classes)} classes")
    old, new = classes[: -arguments.new], classes[-arguments.new :]
    fine = copy.copy(arguments)
    fine.steps = arguments.fine_steps
    rows: common.Rows = {}
    for seed in range(arguments.seeds):
        known, unknown = Part(data.train, old), Part(data.train, new)
        folder = arguments.out / f"seed-{seed}"
        made = common.condense(unknown, folder / "new", arguments, seed)
        reminder = common.condense(known, folder / "old", arguments, seed)
        real = common.real_at(made.bytes, unknown, folder / "real", arguments, seed)
        trained = common.new_network(data.train, arguments, seed)
        common.learn(trained, Part(known, classes), arguments, seed)
        sent = {
            "nothing": (None, 0),
            "condensed set": (Part(made, classes), made.bytes),
            "real clips, equal bytes": (Part(real, classes), real.bytes),
            "condensed sets of new and old classes": (
                Joined(Part(made, classes), Part(reminder, classes)),
                made.bytes + reminder.bytes,
            ),
            "all real clips of the new classes": (Part(unknown, classes), None),
        }
        for name, (clips, num_bytes) in sent.items():
            network = copy.deepcopy(trained)
            if clips is not None:
                common.learn(network, clips, fine, seed)
            row = rows.setdefault(name, {})
            row.setdefault("new classes", []).append(common.accuracy(network, data.test, new))
            row.setdefault("old classes", []).append(common.accuracy(network, data.test, old))
            if num_bytes is not None:
                row.setdefault("bytes sent", []).append(float(num_bytes))
    common.finish("on_device", __doc__, rows, arguments)


if __name__ == "__main__":
    main()
