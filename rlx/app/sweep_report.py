"""``rlx sweep report``: read a sweep's trials from its folder, and measure how overfitted the choice among them is."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from rlx.console import open_console, say
from rlx.errors import RlxError
from rlx.evaluate.judge import EQUAL_WEIGHT
from rlx.evaluate.ledger_file import read_ledger
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.sweep_report import EqualWeightResult, SweepTrial, measure_sweep
from rlx.evaluate.windows import HOLDOUT
from rlx.files import write_json, write_text
from rlx.measures.metrics import cumulative_return
from rlx.measures.significance import MOMENTS
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import Whole, check
from rlx.report.sweep_report import render_markdown, sweep_summary, write_words
from rlx.run_folder import RunFolder
from rlx.runs.study import StudyState, study_of
from rlx.types import FloatArray
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.escape import one_line
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.plain_types import require

SCHEMA_VERSION = 2  # in 1 the ranks of ``overfitting`` counted from the worst
NAME = "sweep_report"
CONFIDENCE = 0.95
SAME_RETURN = 1e-9
log = logging.getLogger(__name__)


def run_sweep_report(folder: str, *, blocks: int = 16, key: str | None = None, trials: int | None = None) -> int:
    """Print the report on a sweep's folder, write it there, and return the exit status."""
    path = Path(folder)
    report = report_on(path, blocks=blocks, key=key, declared=trials)
    open_console().print(sweep_summary(report))
    try:
        write_text(path / f"{NAME}.md", render_markdown(report))
        write_json(path / f"{NAME}.json", report)
    except OSError as error:
        raise RlxError(f"{path}: the report cannot be written there ({error}).") from error
    say(f"Report: {path / NAME}.md and .json")
    return 0


def report_on(folder: Path, *, blocks: int = 16, key: str | None = None, declared: int | None = None) -> dict[str, Any]:
    """Return the report on the trials of a sweep that have the same comparability key, as plain values.

    ``key`` is the hash of the key to use if there are several. ``declared`` is the number of trials to count if it is
    larger than the sweep's own. Raises RlxError if the folder is not a sweep, keys are mixed, a ledger is missing or
    does not match its scorecard, or too few trials are comparable.
    """
    if declared is not None:
        check("--trials", declared, Whole(1, MAX_TRIALS))
    cards = _comparable(folder, _scorecards(folder), key)
    study = study_of(folder)
    if study is not None and study.running:
        log.warning(
            "Still running, or killed, and not counted: trial %s. Continuing the sweep marks killed trials as failed.",
            ", ".join(study.running),
        )
    first = next(iter(cards.values()))
    own = max(_runs(folder) if study is None else study.trials, len(cards))
    count = own if declared is None else max(own, declared)
    report = measure_sweep(
        _trials(folder, cards, study),
        count,
        first.key["periods_per_year"],
        blocks=blocks,
        confidence=CONFIDENCE,
        equal_weight=_equal_weight(cards),
    )
    report = {
        "schema_version": SCHEMA_VERSION,
        "key": first.key["hash"],
        "holdout": first.key["windows"][HOLDOUT],
        "counted_from": "declared" if count > own else "folders" if study is None else "study",
        "chosen": study.best if study is not None and study.best in cards else None,
        **report,
    }
    return {**report, "verdict": write_words(report)}


def _scorecards(folder: Path) -> dict[str, Scorecard]:
    """Return the scorecards of a sweep's trials by the names of their folders, in the order of their numbers."""
    if not folder.is_dir():
        raise RlxError(f"{folder}: no such folder. Give the folder of a sweep (multirun/MODULE/DATE_TIME).")
    if RunFolder(folder).scorecard.is_file():
        raise RlxError(f"{folder}: the folder of a single run. Give its sweep's folder, {folder.resolve().parent}.")
    paths = sorted(folder.glob(f"*/{RunFolder.scorecard}"), key=lambda path: (len(path.parent.name), path.parent.name))
    if not paths:
        raise RlxError(f"{folder}: none of its trials has a scorecard. Give the folder of a sweep that has ended.")
    return {path.parent.name: Scorecard.load(path) for path in paths}


def _comparable(folder: Path, cards: dict[str, Scorecard], key: str | None) -> dict[str, Scorecard]:
    """Return the scorecards of one key; refuse a mixture of keys, listing the trials of each."""
    by_key: dict[str, list[str]] = {}
    for name, card in cards.items():
        by_key.setdefault(card.key["hash"], []).append(name)
    listed = "; ".join(f"{one} (trials {', '.join(map(one_line, names))})" for one, names in by_key.items())
    if key is None and len(by_key) > 1:
        raise RlxError(
            f"{folder}: its trials were judged under different conditions and cannot be compared. Choose one "
            f"comparability key with --key: {listed}."
        )
    chosen = next(iter(by_key)) if key is None else key
    if chosen not in by_key:
        raise RlxError(f"--key={key}: no trial of {folder} has it. The keys are {listed}.")
    return {name: cards[name] for name in by_key[chosen]}


def _trials(folder: Path, cards: dict[str, Scorecard], study: StudyState | None) -> list[SweepTrial]:
    settings = _settings(folder, list(cards))
    objectives = {} if study is None else study.objectives
    returns = {name: _returns(RunFolder(folder / name), card) for name, card in cards.items()}
    return [
        SweepTrial(name, returns[name], settings[name], objectives.get(name), _seen_steps(card))
        for name, card in cards.items()
    ]


def _seen_steps(card: Scorecard) -> int:
    """Return how many steps of its hold-out a trial was fitted on: the largest number in any span that it saw."""
    seen = card.data.get("seen_steps")
    counts = seen.values() if isinstance(seen, dict) else ()
    return max((count for count in counts if isinstance(count, int)), default=0)


def _equal_weight(cards: dict[str, Scorecard]) -> EqualWeightResult | None:
    """Return the metrics of equal weight, equal on all scorecards of one key; its moments are only on newer ones."""
    metrics = next((card.baselines[EQUAL_WEIGHT] for card in cards.values() if EQUAL_WEIGHT in card.baselines), None)
    if metrics is None:
        return None
    moments = (card.significance.get("equal_weight") for card in cards.values())
    return EqualWeightResult(
        metrics.get("sharpe"), metrics.get("cumulative_return"), next(filter(_are_moments, moments), None)
    )


def _are_moments(found: Any) -> bool:
    numbers = [found.get(name) for name in MOMENTS] if isinstance(found, dict) else [None]
    return all(isinstance(number, float) and math.isfinite(number) for number in numbers)


def _returns(run: RunFolder, card: Scorecard) -> FloatArray:
    """Return the net returns (T,) of a trial's hold-out; RlxError unless they match its scorecard."""
    path = run.ledger
    if not path.is_file():
        raise RlxError(
            f"{path}: {why_unreadable(path)}, and without its ledger a trial cannot be compared. Run the trial again, "
            "or move its folder away (--trials sets the number of trials to count)."
        )
    sets = read_ledger(path)
    if HOLDOUT not in sets or sets[HOLDOUT].steps != card.key["windows"][HOLDOUT]["steps"]:
        raise RlxError(f"{path}: not the ledger that {run.scorecard} was written from.")
    returns = np.asarray(sets[HOLDOUT].ledger.net_return[0], dtype=np.float64)
    recorded = card.metrics["cumulative_return"]
    if not np.isfinite(returns).all() or (
        recorded is not None and abs(cumulative_return(returns) - recorded) > SAME_RETURN
    ):
        raise RlxError(f"{path}: not the returns that {run.scorecard} was written from.")
    return returns


def _settings(folder: Path, names: list[str]) -> dict[str, dict[str, str]]:
    """Return each trial's overrides from the command line or the sweeper, except those that all trials share."""
    given = {name: _overrides(RunFolder(folder / name).hydra_overrides) for name in names}
    keys = list(dict.fromkeys(key for overrides in given.values() for key in overrides))
    varied = [key for key in keys if len({overrides.get(key) for overrides in given.values()}) > 1]
    return {name: {key: given[name][key] for key in varied if key in given[name]} for name in names}


def _overrides(path: Path) -> dict[str, str]:
    """Return overrides by key, or none if Hydra recorded none."""
    if not path.is_file():
        return {}
    lines = require(read_yaml(path) or [], list[str], str(path))
    pairs = (line.lstrip("+~").partition("=") for line in lines)
    return {key: value for key, _, value in pairs}


def _runs(folder: Path) -> int:
    """Return the number of folders of trials that have begun."""
    return sum(run.hydra.is_dir() or run.scorecard.is_file() for run in map(RunFolder, folder.iterdir()))
