"""The configuration tree: every option composes, every bad input stops with one message that helps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from rlx.config import (
    EvaluateConfig,
    TrainConfig,
    as_trained,
    recorded_evaluation,
    register_schemas,
    schemas,
    typed,
    validate,
)
from rlx.config.errors import explain
from rlx.config.guards import guard_options, load_guard
from rlx.data.config import FolderData, SampleData
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.guard_config import FittedGuard
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.every_start import EveryStart
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.sim.rules import Guard

CONF = Path(__file__).parents[2] / "conf"
GROUPS = ("data", "env", "costs", "guard", "module", "gate", "hardware", "logger", "protocol", "policy", "forecaster")
OPTIONS = [(group, path.stem) for group in GROUPS for path in sorted((CONF / group).glob("*.yaml"))]
NEEDS_PATH = {
    ("data", "folder"),
    ("policy", "weights"),
    ("policy", "plan"),
    ("policy", "checkpoint"),
    ("policy", "refitted"),
}


@pytest.fixture(scope="module", autouse=True)
def hydra_tree() -> Iterator[None]:
    """Open the configuration tree once for this file."""
    register_schemas()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


def entry_points(group: str) -> list[tuple[str, type[TrainConfig | EvaluateConfig]]]:
    """Return the entry points that have ``group``."""
    found: list[tuple[str, type[TrainConfig | EvaluateConfig]]] = []
    if group != "policy":
        found.append(("train", TrainConfig))
    if group not in ("module", "gate", "logger"):
        found.append(("evaluate", EvaluateConfig))
    return found


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_into_its_schema(group: str, option: str) -> None:
    overrides = [f"{group}={option}"] + ([f"{group}.path=somewhere"] if (group, option) in NEEDS_PATH else [])
    if option == "production":
        overrides.append("policy.trades=somewhere")
    for name, kind in entry_points(group):
        config = typed(compose(name, overrides), kind)
        known = [schema if isinstance(schema, type) else type(schema) for schema in schemas(group).values()]
        known += [type(None)] if (group, option) == ("forecaster", "none") else []
        assert type(getattr(config, group)) in known
        if name == "evaluate" or not config.protocol.evaluation_only:
            validate(config)


@pytest.mark.parametrize(("name", "kind"), [("train", TrainConfig), ("evaluate", EvaluateConfig)])
def test_python_has_the_defaults_of_the_command(name: str, kind: type[TrainConfig | EvaluateConfig]) -> None:
    composed = typed(compose(name), kind)
    others = {field: getattr(composed, field) for field in ("data", "module", "policy") if hasattr(composed, field)}
    assert kind(**others) == composed
    assert kind(**others).costs.total_bps == 5.0 and kind(**others).env.limits.long_only


@pytest.mark.parametrize("experiment", sorted(path.stem for path in (CONF / "experiment").glob("*.yaml")))
def test_every_experiment_dry_runs(experiment: str) -> None:
    config = typed(compose("train", [f"+experiment={experiment}"]), TrainConfig)
    assert validate(config) == []
    assert config != typed(compose("train"), TrainConfig)


@pytest.mark.parametrize("module", sorted(path.stem for path in (CONF / "module").glob("*.yaml")))
def test_smoke_cuts_every_stage_of_every_module(module: str) -> None:
    config = typed(compose("train", [f"module={module}", "+experiment=smoke"]), TrainConfig)
    assert config.trainer.max_updates == 2
    stages = [getattr(config.module, name) for name in ("forecaster", "specialists") if hasattr(config.module, name)]
    assert [stage.updates for stage in stages] == [2] * len(stages)
    typed_too = compose("train", [f"module={module}", "+experiment=smoke", "trainer.max_updates=3"])
    assert typed(typed_too, TrainConfig).trainer.max_updates == 3


def test_smoke_works_on_an_evaluation() -> None:
    config = typed(compose("evaluate", ["+experiment=smoke"]), EvaluateConfig)
    assert config.protocol.bootstrap_replications == 200


@pytest.mark.parametrize("sweep", sorted(path.stem for path in (CONF / "sweep").glob("*.yaml")))
def test_every_sweep_searches_keys_that_exist(sweep: str) -> None:
    for sweeper in ([], ["hydra/sweeper=optuna"]):  # the file selects the sweeper it needs; naming it too is fine
        cfg = compose("train", [*sweeper, f"+sweep={sweep}"], return_hydra_config=True)
        assert cfg.hydra.sweeper._target_ == "hydra_plugins.rlx_optuna.sweeper.ResumableSweeper"
    assert cfg.hydra.sweeper.params
    for key in cfg.hydra.sweeper.params:
        assert OmegaConf.select(cfg, key, throw_on_missing=True) is not None, key


def test_calibrated_guard_has_the_published_numbers() -> None:
    assert typed(compose("train", ["guard=calibrated"]), TrainConfig).guard == Guard(
        drawdown_threshold=0.036,
        leverage_scale=0.6,
        window=42,
        negative_return_threshold=-0.03,
        negative_return_turnover_penalty=0.0075,
        turnover_threshold=0.55,
        turnover_probe_weight=0.002,
    )


def test_initial_guard_has_the_published_numbers() -> None:
    assert typed(compose("train", ["guard=initial"]), TrainConfig).guard == Guard(
        drawdown_threshold=0.18,
        leverage_scale=0.5,
        window=42,
        negative_return_threshold=0.0,
        negative_return_turnover_penalty=0.0075,
        turnover_threshold=0.50,
        turnover_probe_weight=0.0015,
    )


def test_fitted_guard_takes_the_usual_percentiles() -> None:
    guard = typed(compose("train", ["guard=fitted"]), TrainConfig).guard
    assert guard == FittedGuard(drawdown_percentile=90.0, negative_return_percentile=10.0, turnover_percentile=90.0)
    assert not guard.enabled


@pytest.mark.parametrize("name", guard_options())
def test_a_guard_by_name_is_the_composed_one(name: str) -> None:
    assert load_guard(name) == typed(compose("train", [f"guard={name}"]), TrainConfig).guard


def test_a_guard_that_is_not_fitted_yet_makes_no_rules() -> None:
    with pytest.raises(RlxError, match="its thresholds have not been fitted"):
        typed(compose("train", ["guard=fitted"]), TrainConfig).rules()


def test_guard_none_is_off() -> None:
    assert not typed(compose("train"), TrainConfig).guard.enabled


def message(overrides: list[str], name: str = "train") -> str:
    """Return what a user reads after these overrides."""
    kind: type[TrainConfig | EvaluateConfig] = TrainConfig if name == "train" else EvaluateConfig
    try:
        validate(typed(compose(name, overrides), kind))
    except ConfigError as error:
        return str(error)
    except HydraException as error:
        return str(explain(error))
    raise AssertionError(f"{overrides} composed")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        (
            "guard=calibratd",
            "guard=calibratd: no such option. Choose from calibrated, fitted, initial, none. Did you mean",
        ),
        ("guard.windw=3", "guard.windw: no such key. guard has drawdown_threshold"),
        ("guard.windw=3", "Did you mean 'window'?"),
        ("+guard.windw=3", "guard.windw: no such key."),
        ("+data.pth=x", "data.pth: no such key."),
        ("gard=none", "gard: no such key. The configuration has data, env"),
        ("guard.window=many", "guard.window: Value 'many'"),
        ("guard.window=0", "guard.window=0: must be a whole number"),
        ("costs.commission_bps=-1", "costs.commission_bps=-1.0: must be between 0 and 10000"),
        ("env.limits.max_weight=-1", "env.limits.max_weight=-1.0: must be between 0 and 100, or null"),
        ("env.cooldown.steps=0", "env.cooldown.steps=0: must be a whole number between 1 and 10000, or null"),
        ("experiment=smoke", "use +experiment=smoke"),
        ("data=folder", "data.path: must be given"),
        ("data.split.train_fraction=1.5", "data.split.train_fraction=1.5: must be between 0.0001 and 0.9999"),
        ("hardware.precision=16", "hardware.precision=16: must be one of 32, bf16-mixed"),
        ("hardware.device=tpu", "hardware.device: Invalid value 'tpu', expected one of [auto, cpu, cuda]"),
        ("hardware.compile=on", "hardware.compile=on: must be one of auto, off"),
        ("hardware.threads=0", "hardware.threads=0: must be a whole number between 1 and 1024, or null"),
        ("trainer.max_updates=0", "trainer.max_updates=0: must be a whole number between 1 and 1000000000, or null"),
        ("trainer.max_minutes=0", "trainer.max_minutes=0.0: must be between 1e-06 and 525600, or null"),
        ("trainer.monitor=train/loss", "trainer.monitor=train/loss: must be a validation metric"),
        ("trainer.monitor=val/sharp", "Did you mean 'val/sharpe'?"),
        ("env.limits.closing_gross=1.5", "env.limits.closing_gross=1.5 is above env.limits.intraday_gross=1"),
        ("logger.wandb=maybe", "logger.wandb: Invalid value 'maybe'"),
        ("protocol.split=tset", "Did you mean 'test'?"),
        ("protocol=walkforward", "Did you mean 'walk_forward'?"),
        ("protocol=benchmark", "protocol=benchmark: a training cannot use it"),
        ("protocol.fence_iqrs=2", "protocol.fence_iqrs: no such key."),
        ("protocol.stride=64", "protocol.stride: no such key."),
        ("seed=x", "seed: Value 'x'"),
        ("forecaster=nois", "forecaster=nois: no such option."),
        (
            "forecaster.n_samples=9",
            "forecaster.n_samples: needs forecaster=block_bootstrap or",
        ),
    ],
)
def test_bad_input_says_what_is_wrong(override: str, expected: str) -> None:
    assert expected in message([override])


def test_closing_gross_may_equal_intraday_gross_or_be_off() -> None:
    for overrides in (["env.limits.closing_gross=1.0"], ["env.limits.closing_gross=null"]):
        assert validate(typed(compose("train", overrides), TrainConfig)) == []


def test_turnover_guard_without_cooldown_is_told_and_not_refused() -> None:
    assert validate(typed(compose("train", ["guard=calibrated"]), TrainConfig), ["guard=calibrated"]) == []
    arguments = ["guard.turnover_threshold=0.5", "guard.turnover_probation_steps=3"]
    config = typed(compose("train", ["guard=calibrated", *arguments[:1]]), TrainConfig)
    (note,) = validate(config, arguments)
    assert note.startswith("note: the turnover guard has no effect")
    config = typed(compose("train", ["guard=calibrated", "env.cooldown.steps=12"]), TrainConfig)
    assert validate(config, arguments) == []


def test_a_fitted_guard_that_will_be_idle_is_told() -> None:
    arguments = ["guard.turnover_percentile=95"]
    (note,) = validate(typed(compose("train", ["guard=fitted", *arguments]), TrainConfig), arguments)
    assert note.startswith("note: the turnover guard has no effect")
    assert validate(typed(compose("train", ["guard=fitted", "guard.turnover_percentile=null"]), TrainConfig)) == []


def test_a_guard_penalty_below_the_rewards_is_told() -> None:
    overrides = ["guard=calibrated", "env.cooldown.steps=12", "env.reward.turnover_penalty=0.0075"]
    (note,) = validate(typed(compose("train", overrides), TrainConfig))
    assert note.startswith("guard.negative_return_turnover_penalty=0.0075 has no effect")


def recorded(overrides: list[str]) -> dict[str, object]:
    """Return a training run's resolved configuration as it is read back."""
    values = OmegaConf.to_container(compose("train", overrides), resolve=True, enum_to_str=True)
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def evaluated(run: list[str], overrides: list[str]) -> EvaluateConfig:
    """Return the configuration of an evaluation of that run."""
    composed: DictConfig = compose("evaluate", overrides)
    return typed(as_trained(composed, recorded(run), overrides, "RUN"), EvaluateConfig)


def test_an_evaluation_takes_the_conditions_of_the_run() -> None:
    run = ["guard=calibrated", "costs=alpaca", "data=folder", "data.path=prices", "env.limits.max_weight=0.4"]
    config = evaluated(run, ["policy=checkpoint", "policy.path=run"])
    trained = typed(compose("train", run), TrainConfig)
    assert (config.data, config.env, config.costs, config.guard, config.protocol) == (
        FolderData(path="prices"),
        trained.env,
        trained.costs,
        trained.guard,
        trained.protocol,
    )


def test_a_protocol_of_another_schema_is_taken_from_the_run_or_from_the_command_line() -> None:
    walk = ["protocol=walk_forward", "protocol.stride=32"]
    given = ["policy=checkpoint", "policy.path=run"]
    assert evaluated(walk, given).protocol == WalkForward(stride=32)
    assert evaluated(walk, [*given, "protocol.split=test"]).protocol == WalkForward(split="test", stride=32)
    assert evaluated([], [*given, *walk]).protocol == WalkForward(stride=32)
    assert evaluated(walk, [*given, "protocol=holdout"]).protocol == Protocol()


def test_every_start_is_taken_from_the_run_and_not_mistaken_for_the_holdout() -> None:
    given = ["policy=checkpoint", "policy.path=run"]
    run = ["protocol=every_start", "protocol.fence_iqrs=3"]
    assert evaluated(run, given).protocol == EveryStart(fence_iqrs=3.0)
    assert evaluated(run, [*given, "protocol=holdout"]).protocol == Protocol()
    assert evaluated([], given).protocol == Protocol()


def test_a_walk_forward_from_before_purge_and_embargo_can_be_judged_again() -> None:
    given = ["policy=checkpoint", "policy.path=run"]
    run = recorded(["protocol=walk_forward", "protocol.stride=32"])
    for name in ("purge_steps", "embargo_steps"):
        del run["protocol"][name]  # type: ignore[attr-defined]
    cfg = compose("evaluate", given)
    assert typed(as_trained(cfg, run, given, "RUN"), EvaluateConfig).protocol == WalkForward(stride=32)


def test_an_evaluation_keeps_what_the_command_line_says() -> None:
    run = ["guard=calibrated", "costs=alpaca", "data=folder", "data.path=prices"]
    given = ["policy=checkpoint", "policy.path=run", "costs.slippage_bps=8", "data=sample_daily", "guard=none"]
    config = evaluated(run, given)
    assert (config.costs.slippage_bps, config.costs.half_spread_bps) == (8.0, 1.0)  # 1.0: still the run's
    assert config.data == SampleData()
    assert not config.guard.enabled


def test_a_setting_added_since_the_run_may_be_missing_where_it_is_off() -> None:
    given = ["policy=checkpoint", "policy.path=run"]
    run = recorded(["protocol.window_steps=21"])
    del run["protocol"]["trials"]  # type: ignore[attr-defined]
    cfg = compose("evaluate", given)
    assert typed(as_trained(cfg, run, given, "RUN"), EvaluateConfig).protocol == Protocol(window_steps=21)
    del run["protocol"]["seed"]  # type: ignore[attr-defined]  # 0 is no way of being off
    with pytest.raises(ConfigError, match="protocol: was recorded by another version of rlx"):
        as_trained(cfg, run, given, "RUN")


def test_a_checkpoint_judged_before_there_were_gates_is_judged_again_as_it_was() -> None:
    build = {"_target_": "rlx.policies.checkpoint.load_checkpoint", "path": "run"}
    config = typed(recorded_evaluation({**recorded([]), "policy": build}, "RUN"), EvaluateConfig)
    assert (config.policy.path, config.policy.ungated) == ("run", False)


def test_a_run_of_another_version_is_refused() -> None:
    run = recorded([])
    run["guard"] = {"threshold": 1}
    cfg = compose("evaluate", ["policy=cash"])
    with pytest.raises(ConfigError, match="guard: was recorded by another version of rlx"):
        as_trained(cfg, run, ["policy=cash"], "RUN")


def test_the_schema_imports_nothing_heavy() -> None:
    heavy = (
        "torch lightning stable_baselines3 numba pandas wandb optuna matplotlib pyarrow arch scipy gymnasium skfolio"
    )
    started = "import sys, rlx.app.entry, rlx.config; rlx.config.register_schemas()"  # as every command starts
    program = f"{started}; print([name for name in {heavy.split()} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_options_that_nothing_reads_are_said_to_have_no_effect() -> None:
    (note,) = validate(typed(compose("evaluate", ["forecaster=noise"]), EvaluateConfig))
    assert note.startswith("forecaster: has no effect")
    (note,) = validate(typed(compose("train", ["env.reward.cvar_penalty=0.1"]), TrainConfig))
    assert note.startswith("env.reward.cvar_penalty=0.1 has no effect")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["policy=momentm"], "policy=momentm: no such option."),
        (["policy=momentum", "policy.topk=2"], "Did you mean 'top_k'?"),
        (["policy=momentum", "policy.top_k=0"], "policy.top_k=0: must be a whole number between 1 and 10000"),
        (["policy=inverse_volatility", "policy.lookback_steps=1"], "policy.lookback_steps=1: must be a whole number"),
        (["policy=minimum_variance", "policy.lookback_steps=2"], "policy.lookback_steps=2: must be a whole number"),
        (["policy=kelly", "policy.rebalance_steps=0"], "policy.rebalance_steps=0: must be a whole number"),
        (["policy=kelly", "policy.cap=0"], "policy.cap=0.0: must be between 1e-06 and 1"),
        (["policy=hindsight", "policy.lookback_steps=9"], "policy.lookback_steps: no such key."),
        (["policy=production"], "policy.trades, policy.log: at least one must be given"),
        (
            ["policy=production", "policy.log=a", "policy.initial_value=0"],
            "policy.initial_value=0.0: must be between 0.01 and 1e+15, or null",
        ),
    ],
)
def test_bad_policy_settings_stop_at_composition(overrides: list[str], expected: str) -> None:
    assert expected in message(overrides, "evaluate")


@pytest.mark.parametrize(
    "override", ["hardware.compile=max-autotune", "hardware.precision=bf16-mixed", "hardware.device=cuda"]
)
def test_hardware_that_only_training_uses_is_told_in_an_evaluation(override: str) -> None:
    assert validate(typed(compose("train", [override]), TrainConfig)) == []
    (note,) = validate(typed(compose("evaluate", ["policy=cash", override]), EvaluateConfig))
    assert note.startswith("hardware.device, precision and compile have no effect")
