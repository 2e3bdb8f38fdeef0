"""Every logged number: its key, unit, meaning and which direction is better.

Loggers, CSV files, scorecards and docs/keys.md use these names and no others. A scorecard's ``metrics`` and
``guard`` use the part after the slash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from rlx.errors import ConfigError, did_you_mean
from rlx.measures.metric import Metric
from rlx.measures.performance import METRICS, others
from rlx.measures.telemetry import TELEMETRY, telemetry_key


@dataclass(frozen=True)
class Key:
    """One logged number; ``better`` is ``higher``, ``lower`` or an empty string where neither is."""

    name: str
    unit: str
    meaning: str
    better: str = ""


_TERMS = (
    ("wealth", "wealth term"),
    ("shaping", "simulator's penalties"),
    ("trade", "turnover penalty"),
    ("variance", "variance penalty"),
    ("drawdown", "drawdown penalty"),
    ("soft_drawdown", "soft drawdown penalty"),
    ("risk_budget", "risk budget penalty"),
    ("trade_memory", "penalty on reversed trades"),
)
_LOSSES = (
    *((name, f"the {what}") for name, what in _TERMS),
    ("entropy", "the entropy bonus"),
    ("kl", "the divergence"),
)

_TRAIN = (
    Key("train/loss", "", "Total loss of the update", "lower"),
    Key("train/policy_loss", "", "Clipped surrogate loss of PPO", "lower"),
    Key("train/value_loss", "", "Mean squared error of the value function", "lower"),
    Key("train/entropy", "nats", "Mean entropy of the action distribution"),
    Key("train/approx_kl", "nats", "Estimated KL divergence of the updated policy from the one that acted"),
    Key("train/clip_fraction", "share", "Samples whose probability ratio was clipped"),
    Key("train/explained_variance", "share", "Variance of the returns that the value function explains", "higher"),
    Key("train/episode_reward", "per episode", "Mean summed reward of the latest finished episodes", "higher"),
    Key("train/episode_steps", "steps", "Mean length of the latest finished episodes"),
    Key(
        "train/clipped_reward_share",
        "share",
        "Rewards outside [-1, 1], which PufferLib's trainer clamps to it",
        "lower",
    ),
    Key("train/env_steps", "steps", "Environment steps taken so far"),
    Key("train/excess_growth", "1/year", "Annual mean reward over that of equal weights on the same steps", "higher"),
    Key("train/growth", "1/year", "Annual mean reward of the simulated steps, net log growth less penalties", "higher"),
    Key("train/path_sharpe", "ratio/year", "Sharpe ratio of the net log returns of all simulated steps", "higher"),
    Key("train/path_cvar", "1/year", "Mean loss of the worst simulated steps x sqrt(periods per year)", "lower"),
    Key("train/path_turnover", "fraction/step", "Mean turnover of the simulated steps", "lower"),
    Key("train/path_gross_exposure", "x equity", "Mean sum of absolute weights of the simulated steps"),
    Key("train/weight_entropy", "share", "Entropy of absolute weights and cash, as a share of its maximum"),
    Key("train/grad_norm", "", "Norm of the update's gradient before clipping"),
    Key("train/reward", "1/year", "Mean reward of the sampled paths, the sum of its terms", "higher"),
    *(Key(f"train/reward_{name}", "1/year", f"Mean of the reward's {what}, signed", "higher") for name, what in _TERMS),
    Key("train/reward_spread", "1/year", "Mean standard deviation of the rewards within a group of paths"),
    *(Key(f"train/spread_{name}", "1/year", f"The same for its {what} alone") for name, what in _TERMS),
    Key("train/equal_groups", "share", "Groups whose paths all earned the same and carry no information"),
    *(Key(f"train/grad_norm_{name}", "", f"Norm of the gradient of {what} alone") for name, what in _LOSSES),
    Key("train/kl", "nats", "Mean KL divergence of the policy from its moving average"),
    Key("train/concentration", "", "Mean sum of the Dirichlet concentrations; higher explores less"),
    Key("train/learning_rate", "", "Learning rate of the update"),
)

_FORECAST = tuple(
    key
    for stage, whose in (("forecaster", "forecaster of all symbols"), ("specialists", "specialists"))
    for key in (
        Key(
            f"forecast/{stage}_pinball_loss", "scale", f"Pinball loss of the {whose}, held-out training dates", "lower"
        ),
        Key(f"forecast/{stage}_climatology_pinball_loss", "scale", "The climatology's loss there", "lower"),
        Key(f"forecast/{stage}_skill", "share", "Share of the climatology's loss that is saved", "higher"),
    )
)

_PERF = (
    Key("perf/env_steps_per_second", "steps/s", "Training: environment steps per second, rollout and update", "higher"),
    Key("perf/updates_per_second", "updates/s", "Training: updates per second", "higher"),
    Key("perf/seconds_to_first_update", "s", "Training: from the start of the command to the end of update 1", "lower"),
    Key("perf/train_wall_seconds", "s", "Training: wall clock", "lower"),
    Key("perf/validation_wall_seconds", "s", "Training: time spent on validation", "lower"),
    Key("perf/updates", "updates", "Training: updates done, the step axis of all logs"),
    Key("perf/gradient_steps", "steps", "Training: optimizer steps taken"),
    Key("perf/evaluation_wall_seconds", "s", "Judge: wall clock of the policy's windows", "lower"),
    Key(
        "perf/evaluation_env_steps_per_second",
        "steps/s",
        "Judge: account steps per second, decisions included",
        "higher",
    ),
    Key("perf/decision_latency_p50_ms", "ms", "Judge: median time of one batched decision", "lower"),
    Key("perf/decision_latency_p99_ms", "ms", "Judge: 99th percentile of the time of one batched decision", "lower"),
    Key("perf/forecast_load_s", "s", "Forecast check: time until the forecaster is built", "lower"),
    Key(
        "perf/forecast_compile_s", "s", "Forecast check: time of the first forecast above that of a later one", "lower"
    ),
    Key("perf/forecast_p50_ms", "ms", "Forecast check: median time of a forecast of all symbols at one bar", "lower"),
    Key("perf/forecast_p95_ms", "ms", "Forecast check: 95th percentile of that time", "lower"),
    Key("perf/forecast_p99_ms", "ms", "Forecast check: 99th percentile of that time", "lower"),
    Key("perf/forecast_forecasts_per_second", "1/s", "Forecast check: symbols forecast per second", "higher"),
    Key("perf/forecast_peak_memory_mb", "MB", "Forecast check: peak memory of the process, or of the GPU", "lower"),
)


_COMPILE = (Key("compile/pinball_loss", "fraction", "Forecasts of the next close's move: mean pinball loss", "lower"),)

_VAL_EXCESS = (
    Key("val/excess_growth", "1/year", "Log growth over that of equal weights, on decisions not fitted to", "higher"),
    Key("val/excess_t", "", "Its t statistic, robust to autocorrelation", "higher"),
)


def _measured(metrics: Mapping[str, Metric], key: Callable[[str], str]) -> tuple[Key, ...]:
    return tuple(Key(key(name), metric.unit, metric.meaning, metric.better) for name, metric in metrics.items())


_VAL, _EVAL = "val/{}".format, "eval/{}".format

GROUPS: dict[str, tuple[str, tuple[Key, ...]]] = {
    "train": ("The update that has just ended.", _TRAIN),
    "val": (
        "The validation: held-out folds or the validation split, by the same evaluator, without statistics.",
        (*_measured(METRICS, _VAL), *_VAL_EXCESS),
    ),
    "eval": ("The hold-out, on the scorecard.", _measured(METRICS, _EVAL)),
    "guard and cooldown": ("Guards and cooldowns on the hold-out.", _measured(TELEMETRY, telemetry_key)),
    "forecast": (
        "Forecasts that a policy uses, in units of each symbol's standard deviation of returns.",
        _FORECAST,
    ),
    "compile": ("Outcomes of a compile check, in its record (docs/compile.md).", _COMPILE),
    "perf": ("Speed; the only group that a second run does not reproduce.", _PERF),
}
"""Heading -> what the group measures, and its keys, without those of other packages."""

REPLACED = {f"{stage}/pnl": f"{stage}/cumulative_return" for stage in ("val", "eval")}
"""Key in older files -> the key of the same number, which they also have."""

_PNL = "Profit of an account that starts with 1: last value - 1"
RETIRED = {name: Key(name, "fraction", _PNL, "higher") for name in REPLACED}
"""Keys that are read and shown from older files, and no longer logged."""


@cache
def keys() -> dict[str, Key]:
    """Return every key by name, those of other packages' metrics last."""
    groups = [keys for _, keys in GROUPS.values()]
    groups += [_measured(others(), key) for key in (_VAL, _EVAL)]
    return {key.name: key for group in groups for key in group}


def known_key(name: str) -> Key | None:
    """Return a key by its full name, those of older files included; None for a key of a missing package."""
    return keys().get(name) or RETIRED.get(name)


def find_key(name: str) -> Key:
    """Return a key; raises ConfigError with the nearest match."""
    if (key := known_key(name)) is None:
        raise ConfigError(f"'{name}' is not a logged key.{did_you_mean(name, keys())} docs/keys.md lists them all.")
    return key


def render_keys() -> str:
    """Return docs/keys.md."""
    lines = [
        "# Logged keys",
        "",
        "Rendered from `rlx/keys.py`. An undefined number (the Sharpe ratio of cash) is NaN in logs and",
        "`null` in `scorecard.json`. `scorecard.json` uses the part after the slash; there, `cooldown/x` is",
        "`cooldown_x` in `guard`.",
    ]
    for heading, (meaning, keys) in GROUPS.items():
        lines += ["", f"## {heading}", "", meaning, "", "| key | unit | meaning | better |", "|---|---|---|---|"]
        lines += [f"| `{key.name}` | {key.unit} | {key.meaning} | {key.better} |" for key in keys]
    lines += ["", "## Only in older files", "", "No longer logged: the same number has another name.", ""]
    lines += ["| key | unit | meaning | now |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | {key.unit} | {key.meaning} | `{REPLACED[name]}` |" for name, key in RETIRED.items()]
    return "\n".join(lines) + "\n"
