"""rlx: reinforcement-learning portfolio allocators in one exact simulator, judged by one evaluator."""

from pathlib import Path

__version__ = "0.1.0"

if not (_here := Path(__file__).parent).joinpath("conf").is_dir():
    # A checkout has the options beside the package, where they are found as rlx.conf all the same.
    __path__.append(str(_here.parent))
