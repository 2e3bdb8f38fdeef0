"""``rlx dataset``: episodes of several behaviours over the train split, as files for offline learners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from rlx.app.entry import evaluate_config, resolved
from rlx.app.guest import compose_as_guest
from rlx.config import EvaluateConfig
from rlx.console import open_console, say, show_progress
from rlx.decisions.bounds import largest_gross
from rlx.errors import ConfigError
from rlx.offline.episodes import EpisodeOptions
from rlx.sim.rules import Rules
from rlx.training.hardware import use_compile_caches

Composed = tuple[dict[str, Any], EvaluateConfig]


def run_dataset(overrides: Sequence[str], options: EpisodeOptions, out: str) -> int:
    """Record and write a data set, print its summary, and return the exit status."""
    from rlx.offline.files import check_free, summaries, write_dataset
    from rlx.report.dataset import behaviours_table
    from rlx.report.tables import to_terminal

    path = Path(out)
    check_free(path)
    composed: Composed = compose_as_guest("evaluate", list(overrides), _composed)
    use_compile_caches()
    steps, about, periods = recorded(composed, options)
    found = summaries(steps, options.behaviours, periods)
    write_dataset(path, steps, {**about, "behaviours": [asdict(one) for one in found]})
    open_console().print(to_terminal(behaviours_table(found)))
    first, last = about["span"]
    say(f"{len(steps.rewards):,} steps of the train split, {first[:10]} to {last[:10]}.")
    say(f"Written: {path} and {path.with_suffix('.json')}")
    return 0


def recorded(composed: Composed, options: EpisodeOptions) -> tuple[Any, dict[str, Any], float]:
    """Return the steps, what describes them, and the periods per year of their market."""
    from rlx.app.guards import settle_guard
    from rlx.app.outlook import outlook_of
    from rlx.data.normalizer import Normalizer
    from rlx.data.traded import load_traded
    from rlx.offline.episodes import record
    from rlx.policies.facts import PolicyFacts

    settings, config = composed
    with show_progress("Loading"):
        traded = load_traded(config.data, options.window_steps, outlook_of(config))
    market, span = traded.market, traded.splits.train
    config, settings, _ = settle_guard(config, settings, market)
    features = market.features(traded.feature_names)
    normalizer = Normalizer.fit(traded.feature_names, features, span.bars_seen(options.window_steps))
    rules = config.rules()
    steps = record(market, rules, span, normalizer, options)
    seen = {"trained": span}
    facts = PolicyFacts.of("offline", market, rules, normalizer, options.window_steps, settings, seen)
    about = {"span": span.ends(market.timestamps), "options": asdict(options), "policy": asdict(facts)}
    return steps, {**about, **_bounds(rules)}, market.periods_per_year


def _bounds(rules: Rules) -> dict[str, float]:
    """Return the range of a weight and the largest gross exposure that the rules allow, at most unlevered if any."""
    gross = largest_gross(rules.limits)
    high = gross if rules.limits.max_weight is None else min(gross, rules.limits.max_weight)
    return {"low": 0.0 if rules.limits.long_only else -high, "high": high, "max_gross": gross}


def _composed(cfg: DictConfig) -> Composed:
    cfg, config = evaluate_config(cfg)
    return resolved(cfg), config


def behaviours_of(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list; ConfigError for an empty one."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ConfigError(f"--behaviours {text!r}: must be names such as equal_weight,momentum.")
    return names
