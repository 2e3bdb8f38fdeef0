"""``rlx audit``: rebuild the policy that a run folder judged, audit it, and add the result to its scorecard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rlx.app.construct import construct
from rlx.app.outlook import market_of
from rlx.audit.audit import AuditOptions, audit
from rlx.config import Device, EvaluateConfig, HardwareConfig, recorded_evaluation, typed
from rlx.console import late_progress, open_console, say
from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError, DataError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.key import comparability_key
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.files import to_json, why_not_writable, write_json
from rlx.policies.base import Charged, Policy
from rlx.policies.baselines import Cash
from rlx.policies.facts import FACTS_FILE, read_facts
from rlx.report.audit_table import audit_summary
from rlx.report.markdown import write_scorecard_markdown
from rlx.report.rendered import require_rendered
from rlx.run_folder import RunFolder
from rlx.sim.rules import Rules
from rlx.training.hardware import set_up, use_compile_caches
from rlx.untrusted.documents import read_yaml
from rlx.untrusted.plain_types import require

LEAK_FOUND = 1
KEY = frozenset(
    {"data", "symbols", "periods_per_year", "windows", "costs", "limits", "guard", "cooldown"}
    | {"accounting", "execution", "drift"}
)
SAME_RETURN = 1e-4  # a network rounds differently in a batch of another size


@dataclass(frozen=True)
class Judged:
    """What a run judged: the policy, not yet bound, and the market, span and rules of its hold-out."""

    card: Scorecard
    policy: Policy
    market: Market
    span: Span
    rules: Rules
    names: tuple[str, ...]


def run_audit(path: str, options: AuditOptions) -> int:
    """Audit the run in folder ``path`` and print the result; return 0 if it passes and 1 if it leaks.

    Writes ``audit.json``, and the scorecard as JSON and Markdown with the ``audit``; an earlier audit is replaced.
    """
    folder = Path(path)
    use_compile_caches()
    set_up(HardwareConfig(device=Device.cpu))
    judged = rebuild(folder)
    with late_progress() as progress:
        block = audit(judged.policy, judged.market, judged.span, judged.rules, judged.names, options, progress)
    block = with_recorded_return(block, judged.card)
    write_audit(folder, judged.card, block)
    open_console().print(audit_summary(block))
    say(f"Written: {RunFolder(folder).audit}")
    return 0 if block["passed"] else LEAK_FOUND


def rebuild(folder: Path) -> Judged:
    """Return what the run judged; an RlxError says what is missing or has changed."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: {'not a folder' if folder.exists() else 'does not exist'}. Give a run folder.")
    if (reason := why_not_writable(folder)) is not None:
        raise ConfigError(f"{folder}: the result cannot be written there ({reason}). Audit a copy.")
    card = load_scorecard(RunFolder(folder).scorecard)
    config = typed(recorded_evaluation(*_recorded(folder)), EvaluateConfig)
    policy: Policy = construct(config.policy)
    if isinstance(policy, Charged):
        policy.charge(config.costs)
    market = _same_market(folder, card, config, policy)
    rules, span = config.rules(), _judged_span(folder, card, market)
    _refuse_other_rules(folder, card, market, span, rules)
    return Judged(card, policy, market, span, rules, chosen_features(config.data.features, market.panel))


def load_scorecard(path: Path) -> Scorecard:
    """Read the scorecard; ConfigError if its key lacks a part that identifies what was judged."""
    card = require_rendered(Scorecard.load(path), f"scorecard {path}")  # fails before the audit, not after the work
    if missing := sorted(KEY - set(card.key)):
        raise ConfigError(f"{path}: its key lacks {', '.join(missing)}. Judge the policy again.")
    return card


def _recorded(folder: Path) -> tuple[dict[str, Any], str]:
    """Return the configuration of the policy trained there, or of the evaluation, and the file that contains it.

    ``recorded_evaluation`` checks its content.
    """
    facts = RunFolder(folder).policy / FACTS_FILE
    if facts.is_file():
        build = {"_target_": "rlx.policies.checkpoint.load_checkpoint", "path": str(folder)}
        return {**read_facts(facts)[0].config, "policy": build}, str(facts)
    path = RunFolder(folder).config
    if RunFolder(folder).refits_index.is_file():
        build = {"_target_": "rlx.policies.refitted.load_refitted", "path": str(folder)}
        return {**require(read_yaml(path), dict[str, Any], str(path)), "policy": build}, str(path)
    if not path.is_file():
        raise ConfigError(f"{path}: missing. Give the folder of a run of train.py or evaluate.py.")
    recorded: dict[str, Any] = require(read_yaml(path), dict[str, Any], str(path))
    if "policy" not in recorded:
        raise ConfigError(f"{path}: no configuration of an evaluation, and no {RunFolder.policy}/ of a training.")
    return recorded, str(path)


def _same_market(folder: Path, card: Scorecard, config: EvaluateConfig, policy: Policy) -> Market:
    """Load the data; DataError if they are not those that were judged."""
    market, judged = market_of(config), tuple(card.key["symbols"])
    if market.symbols != judged and set(judged) <= set(market.symbols):
        market = market.select(judged)  # a part of a run trades only some of the symbols
    if market.fingerprint != card.key["data"]:
        raise DataError(
            f"{folder}: its policy was judged on data with fingerprint {card.key['data']}, but those of its "
            f"configuration ({market.panel.source or 'a panel'}) now have {market.fingerprint}. Restore the earlier "
            "data, or judge the policy on the new data and audit that evaluation."
        )
    return market


def _judged_span(folder: Path, card: Scorecard, market: Market) -> Span:
    """Return the decisions of the scorecard's hold-out."""
    holdout: Mapping[str, Any] = card.key["windows"][HOLDOUT]
    stamps = market.timestamps.astype("datetime64[s]")
    first, last = (np.flatnonzero(stamps == np.datetime64(holdout[name])) for name in ("first", "last"))
    if first.size == 0 or last.size == 0 or int(last[0] - first[0]) != holdout["steps"]:
        raise ConfigError(f"{RunFolder(folder).scorecard}: no hold-out in its market: {json.dumps(dict(holdout))}.")
    return Span(int(first[0]), int(last[0]))


def _refuse_other_rules(folder: Path, card: Scorecard, market: Market, span: Span, rules: Rules) -> None:
    """Raise ConfigError if what was rebuilt and the scorecard have different comparability keys, except the windows."""
    rebuilt = to_json(comparability_key(market, evaluate(Cash(), market, (holdout_windows(span),), rules)))
    differ = [name for name, value in rebuilt.items() if name not in ("windows", "hash") and value != card.key[name]]
    if differ:
        raise ConfigError(
            f"{folder}: {', '.join(differ)} of its configuration differ from its scorecard; this version of rlx may "
            "read the configuration differently. Judge the policy again and audit that evaluation."
        )


def with_recorded_return(block: dict[str, Any], card: Scorecard) -> dict[str, Any]:
    """Return the audit with the scorecard's return, and a sentence in its verdict if the replay's return differs."""
    recorded, replayed = card.metrics["cumulative_return"], block["replayed_cumulative_return"]
    same = recorded is not None and abs(recorded - replayed) <= SAME_RETURN
    other = (
        ""
        if same
        else (
            f" Replayed separately it returns {replayed:.2%}, but its scorecard has "
            f"{'no number' if recorded is None else format(recorded, '.2%')}: what was audited is not what was judged."
        )
    )
    return {**block, "verdict": block["verdict"] + other, "recorded_cumulative_return": recorded}


def write_audit(folder: Path, card: Scorecard, block: dict[str, Any]) -> None:
    """Write ``audit.json``, then the scorecard with the audit; each file is written completely or left unchanged."""
    audited, run = replace(card, audit=block), RunFolder(folder)
    write_json(run.audit, block)
    write_scorecard_markdown(run.scorecard_markdown, audited)
    audited.write(run.scorecard)
