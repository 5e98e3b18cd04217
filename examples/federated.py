"""Federated learning in one round: clients send condensed sets, a server merges them and trains.

The real clips are dealt to clients by their source groups. Each condenses what it has, alone; against it:
each sends real clips of as many bytes, and all clips are at one place. Clips of a client never leave it, but
what a condensed set tells of them is not measured here: it is no proof of privacy. Mean and deviation of the
channels, by which all clips are normalised, are those of all training clips.

    python examples/federated.py
    python examples/federated.py --data path/to/videos --stride 4 --clients 4
"""

from __future__ import annotations

import common

import vidcondense as vc
from vidcondense.video.dataset import ClipDataset


def deal(clips: ClipDataset, num_clients: int) -> list[ClipDataset]:
    """Clips by client: the groups of each class in turn, so that every client sees every class.

    Raises:
        SystemExit: a class has fewer source groups than there are clients.
    """
    owner: dict[tuple[int, str], int] = {}
    for label, name in enumerate(clips.classes):
        groups = sorted({clips.groups[index] for index in clips.indices_of(label).tolist()})
        if len(groups) < num_clients:
            raise SystemExit(f"--clients {num_clients}: {name!r} has {len(groups)} source groups")
        owner |= {(label, group): number % num_clients for number, group in enumerate(groups)}
    owners = [owner[pair] for pair in zip(clips.labels.tolist(), clips.groups, strict=True)]
    return [
        clips.subset([index for index, each in enumerate(owners) if each == client])
        for client in range(num_clients)
    ]


def main() -> None:
    """Condense at every client, merge, train, test; then the two others."""
    given = common.parser("federated", __doc__)
    given.add_argument("--clients", type=int, default=3)
    arguments = given.parse_args()
    if arguments.clients < 2:
        raise SystemExit(f"--clients {arguments.clients}: two or more are needed")
    data = common.load(arguments)
    clients = deal(data.train, arguments.clients)
    names = ("merged condensed sets", "real clips, equal bytes", "one client's condensed set", "all clips")
    rows: common.Rows = {name: {"accuracy": [], "bytes sent": []} for name in names}
    for seed in range(arguments.seeds):
        sent, real = [], []
        for number, clips in enumerate(clients):
            folder = arguments.out / f"client-{number}-{seed}"
            sent.append(common.condense(clips, folder / "condensed", arguments, seed))
            real.append(common.real_at(sent[-1].bytes, clips, folder / "real", arguments, seed))
        server = arguments.out / f"server-{seed}"
        # What was stored with loss is merged without a second one.
        merged = {
            names[0]: vc.merge(sent, server / "condensed", codec="float32", overwrite=True),
            names[1]: vc.merge(real, server / "real", codec="float32", overwrite=True),
            names[2]: sent[0],
            names[3]: data.train,
        }
        bytes_sent = (*(sum(made.bytes for made in sets) for sets in (sent, real)), sent[0].bytes)
        for name, clips in merged.items():
            network = common.new_network(data.train, arguments, seed)
            common.learn(network, clips, arguments, seed)
            rows[name]["accuracy"].append(common.accuracy(network, data.test))
        for name, count in zip(names, bytes_sent, strict=False):
            rows[name]["bytes sent"].append(float(count))
    rows["all clips"].pop("bytes sent")
    common.finish("federated", __doc__, rows, arguments)


if __name__ == "__main__":
    main()
