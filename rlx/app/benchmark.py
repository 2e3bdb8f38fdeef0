"""``evaluate.py`` with a protocol that judges targets: judge all on equal terms and record them on the scoreboard."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from rlx.app.construct import construct
from rlx.app.contestant import make_ready, origin_of
from rlx.app.guards import settle_guard
from rlx.app.outlook import market_of
from rlx.app.outputs import print_folder, write_documents, write_scorecard
from rlx.board.entry import ORACLE, Entry
from rlx.board.series import report_series, spark_line
from rlx.board.standing import rank_board
from rlx.board.store import WHAT, Scoreboard, append, prepare, report_path
from rlx.config import EvaluateConfig
from rlx.config.targets import Target, read_targets
from rlx.console import announced, open_console, say
from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.traded import cut
from rlx.errors import ConfigError, FileError, RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.judge import Judgement, describe_data, judge_against, reads_forecasts
from rlx.evaluate.key import comparability_key, short_hash
from rlx.evaluate.protocols.benchmark import Benchmark
from rlx.evaluate.protocols.span import fit_windows, protocol_span
from rlx.evaluate.windows import HOLDOUT, WindowSet
from rlx.files import file_name, to_json, write_text
from rlx.locks import file_lock
from rlx.measures.days import daily_growth
from rlx.measures.evaluation import Evaluation
from rlx.policies.base import Dated, Documented, Oracle, Policy, Reference
from rlx.policies.baselines import standard_baselines
from rlx.report.board_text import board_table
from rlx.report.scoreboard import write_board
from rlx.runs.provenance import record_run
from rlx.runs.sweeps import sweep_of
from rlx.sim.rules import Rules
from rlx.training.hardware import for_evaluation, set_up
from rlx.untrusted.plain_types import require_fields

TARGETS = "targets"
LONGEST_REASON = 2000
"""Most characters that a board stores of the reason why a target was not judged."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conditions:
    """What all targets have in common, and the baselines, evaluated once for all of them."""

    market: Market
    span: Span
    sets: tuple[WindowSet, ...]
    rules: Rules
    protocol: Benchmark
    baselines: dict[str, Evaluation]
    key: dict[str, Any]

    @classmethod
    def of(cls, config: EvaluateConfig, market: Market) -> Conditions:
        """Evaluate the baselines; RlxError for anything that would stop every target. ``config`` has a plain guard."""
        protocol, rules = cast(Benchmark, config.protocol), config.rules()
        names = chosen_features(config.data.features, market.panel)
        splits = None if protocol.split == "all" else cut(market, config.data, names, 1)
        span = protocol_span(market, splits, protocol, first_bar=market.first_bar(names, 1))
        protocol = fit_windows(protocol, span)
        sets = protocol.window_sets(span, market.timestamps)
        baselines = {policy.name: evaluate(policy, market, sets, rules) for policy in standard_baselines()}
        key = comparability_key(market, next(iter(baselines.values())))
        return cls(market, span, sets, rules, protocol, baselines, key)

    def shared(self) -> dict[str, Any]:
        """Return the facts that the scoreboard stores once for all entries of the key."""
        return {"key": self.key, "data": describe_data(self.market)}


def _competitive(market: Market) -> Market:
    """Return the market; ConfigError for a forecaster whose results are no evidence: boards rank skill."""
    if market.outlook is not None and market.outlook.test_only is not None:
        raise ConfigError(
            f"forecaster: is for tests only ({market.outlook.test_only}), so nothing that reads it is put on a board. "
            "Choose another one."
        )
    return market


def benchmark(
    config: EvaluateConfig, resolved: Mapping[str, Any], run_dir: Path, cache_fallback: str | None = None
) -> None:
    """Judge every target of the list and record it on the scoreboard, or the reason why it cannot be judged.

    The run folder gets every scorecard; the scoreboard, its pages and the series of its reports are written to
    ``protocol.board``. Ctrl-C records what has been judged so far.
    """
    protocol = cast(Benchmark, config.protocol)
    board_path = Path(protocol.board)
    targets = read_targets(protocol.targets)
    prepare(board_path, len(targets))  # a board that cannot be written stops the command before the work
    hardware = for_evaluation(set_up(config.hardware, cache_fallback))
    market = _competitive(market_of(config))
    config, resolved, guard_fit = settle_guard(config, resolved, market)
    conditions = Conditions.of(config, market)
    provenance = {**record_run(run_dir, resolved, more=guard_fit), "hardware": hardware.facts()}
    entries: list[Entry] = []
    try:
        for target in announced(targets, lambda target: target.name):
            entries.append(_judge_target(target, conditions, run_dir, board_path, provenance))
    finally:  # also on Ctrl-C, which keeps what has been judged
        if entries:
            _record(board_path, conditions, entries)
    print_folder(run_dir)


def _record(path: Path, conditions: Conditions, entries: Sequence[Entry]) -> None:
    append(path, conditions.key["hash"], conditions.shared(), entries)
    with file_lock(path, WHAT):
        board = Scoreboard.load(path)
        pages = write_board(path, board)
    group = next(group for group in rank_board(board) if group.key == conditions.key["hash"])
    open_console().print(board_table(group))
    say(f"Scoreboard: {', '.join(str(page) for page in (path, *pages))}")


def _judge_target(
    target: Target, conditions: Conditions, run_dir: Path, board_path: Path, provenance: Mapping[str, Any]
) -> Entry:
    """Return the target's line; any error of this target becomes its ``failure``."""
    named = Entry(
        target=target.name,
        system=target.system,
        kind=target.kind,
        key=conditions.key["hash"],
        benchmark=run_dir.name,
        options={} if target.config is None else to_json(target.options),
        recorded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        provenance={name: provenance[name] for name in ("git", "python", "platform")},
    )
    if target.failure is not None:
        return replace(named, failure=_short(target.failure))
    folder = run_dir / TARGETS / target.slug
    blank, policy = named, None
    try:
        policy = construct(target.config)
        named = _with_forecaster(named, policy, conditions.market)
        blank = replace(named, references=policy.references() if isinstance(policy, Reference) else [])
        judgement = _judge(policy, target, conditions, provenance)
    except Exception as error:  # an error in one policy, also a foreign one, does not stop the others
        if not isinstance(error, RlxError):
            log.warning("%s: %s", target.name, type(error).__name__, exc_info=True)
        if isinstance(policy, Documented) and policy.documents_when_refused:
            write_documents(folder, policy.documents())
        return replace(
            blank, failure=_short(str(error) if isinstance(error, RlxError) else f"{type(error).__name__}: {error}")
        )
    write_scorecard(folder, judgement)
    if isinstance(policy, Documented):
        write_documents(folder, policy.documents())
    entry = _filled(blank, judgement, _why_unranked(policy, judgement, conditions))
    return _with_report(
        replace(entry, report=f"{entry.key}/{file_name(entry.target)}.json"), named, judgement, board_path
    )


def _with_forecaster(named: Entry, policy: Policy, market: Market) -> Entry:
    """Return the line of a policy; one that reads forecasts is another system with each forecaster."""
    if market.outlook is None or not reads_forecasts(policy):
        return named
    facts = dict(market.outlook.facts)
    source = f"{market.outlook.name} {short_hash(facts)[:4]}"
    return replace(
        named,
        target=f"{named.target} on {source}",
        system=f"{named.system} on {source}",
        options={**named.options, "forecaster": facts},
    )


def _with_report(entry: Entry, named: Entry, judgement: Judgement, board_path: Path) -> Entry:
    """Write the series of an entry's report and return the entry, or ``named`` as failed if it is not valid."""
    try:
        require_fields(Entry, entry.to_dict(), "its line")
        path = report_path(board_path, entry)
    except FileError as error:
        return replace(named, failure=str(error))
    assert path is not None
    series = json.dumps(report_series(judgement), separators=(",", ":"), allow_nan=False)
    write_text(path, series + "\n")
    return entry


def _short(reason: str) -> str:
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]} ... (see the run's log)"


def _judge(policy: Policy, target: Target, conditions: Conditions, provenance: Mapping[str, Any]) -> Judgement:
    make_ready(policy, conditions.market, conditions.rules.costs)
    origin = origin_of(policy)
    protocol = conditions.protocol
    return judge_against(
        policy,
        conditions.market,
        conditions.sets,
        conditions.rules,
        protocol if target.trials is None else replace(protocol, trials=target.trials),
        baselines=conditions.baselines,
        module=policy.name,
        config={"policy": target.options},
        provenance=provenance,
        seen=origin.seen,
        sweep=sweep_of(origin.run),
    )


def _why_unranked(policy: Policy, judgement: Judgement, conditions: Conditions) -> str | None:
    """Return why a target is not a competitor, or None if it is."""
    if isinstance(policy, Oracle):
        return ORACLE
    seen = judgement.scorecard.data.get("seen_steps", {})
    if fit_spans := sum(seen.values()):
        return f"fitted on {fit_spans} of these {len(conditions.span)} steps"
    if isinstance(policy, Dated):
        own = policy.span(conditions.market)
        covered = max(0, min(own.stop, conditions.span.stop) - max(own.start, conditions.span.start))
        if covered < len(conditions.span):
            return f"covers {covered} of these {len(conditions.span)} steps"
    return None


def _filled(entry: Entry, judgement: Judgement, unranked: str | None) -> Entry:
    card = judgement.scorecard
    return replace(
        entry,
        unranked=unranked,
        days=len(daily_growth(judgement.evaluation.sets[HOLDOUT])),
        metrics=card.metrics,
        intervals=card.intervals,
        guard=card.guard,
        windows=card.windows,
        significance=card.significance,
        seen_steps=card.data.get("seen_steps", {}),
        verdict=card.verdict,
        policy={name: value for name, value in card.policy.items() if name not in ("rules", "seen")},
        equity=spark_line(judgement),
    )
