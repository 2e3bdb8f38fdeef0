"""``rlx dataset``: write an offline data set."""

from __future__ import annotations

import argparse

from rlx.cli.groups import Groups


def add(groups: Groups) -> None:
    """Add the command."""
    dataset = groups.add_parser(
        "dataset",
        help="write episodes of several behaviours over the train split, for offline learners such as d3rlpy's",
        epilog="Example: rlx dataset costs=zero --out datasets/free.npz; rlx-evaluate --help lists the groups. "
        "docs/datasets.md describes the files.",
    )
    dataset.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings, as for rlx-evaluate")
    dataset.add_argument("--out", default="datasets/train.npz", help="an .npz file (default: %(default)s)")
    dataset.add_argument(
        "--behaviours", help="comma-separated (default: equal_weight,inverse_volatility,momentum,ridge,random_tilt)"
    )
    dataset.add_argument("--seeds", type=int, default=3, help="number of seeds (default: %(default)s)")
    dataset.add_argument("--episodes", type=int, default=8, help="per behaviour and seed (default: %(default)s)")
    dataset.add_argument("--episode-steps", type=int, default=126, help="of an episode (default: %(default)s)")
    dataset.add_argument("--window-steps", type=int, default=1, help="bars that are observed (default: %(default)s)")
    dataset.set_defaults(run=_dataset)


def _dataset(arguments: argparse.Namespace) -> int:
    from rlx.app.dataset import behaviours_of, run_dataset
    from rlx.offline.behaviours import DEFAULT
    from rlx.offline.episodes import EpisodeOptions

    names = DEFAULT if arguments.behaviours is None else behaviours_of(arguments.behaviours)
    numbers = (arguments.seeds, arguments.episodes, arguments.episode_steps, arguments.window_steps)
    return run_dataset(arguments.settings, EpisodeOptions(names, *numbers), arguments.out)
