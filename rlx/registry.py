"""Components chosen by name, built-in and from other packages: one table per group, imported only on use.

Another package adds a component by an entry point in the group's ``entry_point_group``, as docs/extending.md shows:

    [project.entry-points."rlx.policies"]
    contrarian = "their_package.contrarian:ContrarianConfig"

A file never causes an import by itself: a component named in a checkpoint, a run folder, a board or a list of targets
is built when it is registered here, and refused otherwise.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rlx.errors import did_you_mean

OURS = "rlx"
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Component:
    """One named component: ``place`` is ``module:attribute``, and ``package`` its distribution.

    With a ``key`` it is an item of the mapping in that place.
    """

    name: str
    place: str
    package: str = OURS
    key: str = ""

    def load(self) -> Any:
        """Import and return it; exceptions of the import propagate."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        return found[self.key] if self.key else found

    @property
    def stored_name(self) -> str:
        """The name in files, preceded by another package's name, so that a reader knows what to install."""
        return self.name if self.package == OURS else f"{self.package}:{self.name}"


@dataclass(frozen=True)
class Group:
    """Components of one kind: the group of their entry points, and the built-in ones by name.

    ``members`` are required of every component. ``table`` is the place of a mapping by name, for small ones declared
    together.
    """

    entry_point_group: str
    members: tuple[str, ...]
    ours: Mapping[str, str] = field(default_factory=dict)
    table: str = ""


def _at(module: str, **attributes: str) -> dict[str, str]:
    """Return the places of components in one module, by name."""
    return {name: f"{module}:{attribute}" for name, attribute in attributes.items()}


OPTIONS = ("__dataclass_fields__",)  # of a dataclass

GROUPS: dict[str, Group] = {
    "data": Group(
        "rlx.data",
        OPTIONS + ("load",),
        _at("rlx.data.config", sample="SampleData", folder="FolderData", synthetic="SyntheticData"),
    ),
    "module": Group(
        "rlx.learners",
        OPTIONS + ("_target_", "_partial_", "window_steps"),
        _at("rlx.learners.gymrl.config", gymrl="GymrlConfig")
        | _at("rlx.learners.hftraining.config", hftraining="HftrainingConfig")
        | _at("rlx.learners.pufferlib.config", pufferlib="PufferlibConfig")
        | _at("rlx.learners.differentiable_market.config", differentiable_market="DifferentiableMarketConfig"),
    ),
    "policy": Group(
        "rlx.policies",
        OPTIONS + ("_target_",),
        _at(
            "rlx.policies.baselines",
            equal_weight="EqualWeightConfig",
            cash="CashConfig",
            buy_and_hold="BuyAndHoldConfig",
        )
        | _at(
            "rlx.policies.config",
            weights="WeightsConfig",
            checkpoint="CheckpointConfig",
            plan="PlanConfig",
            production="ProductionConfig",
            refitted="RefittedConfig",
            ridge="RidgeConfig",
            strategy="StrategyConfig",
        )
        | _at("rlx.policies.trailing", inverse_volatility="InverseVolatilityConfig", momentum="MomentumConfig")
        | _at("rlx.policies.optimal", minimum_variance="MinimumVarianceConfig", kelly="KellyConfig")
        | _at("rlx.policies.volatility_target", volatility_target="VolatilityTargetConfig")
        | _at("rlx.policies.hindsight", hindsight="HindsightConfig"),
    ),
    "protocol": Group(
        "rlx.protocols",
        OPTIONS + ("name", "evaluation_only", "judges_targets", "window_sets", "measure", "plan", "check", "note"),
        _at("rlx.evaluate.protocols.base", holdout="Protocol")
        | _at("rlx.evaluate.protocols.walk_forward", walk_forward="WalkForward")
        | _at("rlx.evaluate.protocols.every_start", every_start="EveryStart")
        | _at("rlx.evaluate.protocols.guard_ab", guard_ab="GuardAb")
        | _at("rlx.evaluate.protocols.benchmark", benchmark="Benchmark"),
    ),
    "report": Group(
        "rlx.reports",
        ("title", "markdown", "terminal", "draw", "document", "shape"),
        _at("rlx.report.walk_forward", walk_forward="REPORT")
        | _at("rlx.report.every_start", every_start="REPORT")
        | _at("rlx.report.guard_ab", guard_ab="REPORT"),
    ),
    "network": Group(
        "rlx.networks",
        ("allocate", "arguments"),
        _at("rlx.policies.networks.mlp", mlp_allocation="MlpAllocation")
        | _at("rlx.policies.networks.weights_mlp", weights_mlp="WeightsMlp")
        | _at("rlx.policies.networks.transformer", transformer_allocation="TransformerAllocation")
        | _at("rlx.policies.networks.attention_tilt", attention_tilt="AttentionTilt")
        | _at("rlx.policies.networks.account_tilt", account_tilt="AccountTilt")
        | _at("rlx.policies.networks.gru_dirichlet", gru_dirichlet="GruDirichlet")
        | _at("rlx.policies.networks.gru_tilt", gru_tilt="GruTilt")
        | _at("rlx.policies.networks.book", book_allocation="BookAllocation")
        | _at("rlx.policies.networks.book_tilt", book_tilt="BookTilt"),
    ),
    "forecaster": Group(
        "rlx.forecasters",
        OPTIONS + ("_target_",),
        _at("rlx.forecast.filtered_bootstrap", filtered_bootstrap="FilteredBootstrapConfig")
        | _at("rlx.forecast.block_bootstrap", block_bootstrap="BlockBootstrapConfig")
        | _at("rlx.forecast.ridge", ridge="RidgeForecasterConfig")
        | _at("rlx.forecast.config", own="OwnConfig")
        | _at("rlx.forecast.pretrained_config", chronos="ChronosConfig", kronos="KronosConfig", toto="TotoConfig")
        | _at("rlx.forecast.noise", noise="NoiseConfig")
        | _at("rlx.forecast.oracle", oracle="OracleConfig"),
    ),
    "feature": Group("rlx.features", ("compute", "needs", "extra_bars", "minimum"), table="rlx.data.features:KINDS"),
    "metric": Group(
        "rlx.metrics",
        ("name", "unit", "meaning", "better", "compute", "tags"),
        table="rlx.measures.performance:METRICS",
    ),
}


@cache
def components(group: str) -> Mapping[str, Component]:
    """Return the components of a group by name, built-in ones first, without importing those of other packages.

    Of those, any with an invalid name or a name that is taken is skipped with a warning.
    """
    known = {name: Component(name, place) for name, place in GROUPS[group].ours.items()}
    if table := GROUPS[group].table:
        known = {name: Component(name, table, key=name) for name in Component("", table).load()}
    for point in sorted(
        entry_points(group=GROUPS[group].entry_point_group), key=lambda point: (package_of(point), point.name)
    ):
        if reason := _why_not(point, known):
            log.warning("package %s: its %s %r is skipped: %s.", package_of(point), group, point.name[:80], reason)
        else:
            known[point.name] = Component(point.name, point.value, package_of(point))
    return known


def package_of(point: EntryPoint) -> str:
    """Return the name of the distribution that declares an entry point."""
    return "an unknown package" if point.dist is None else point.dist.name


def _why_not(point: EntryPoint, known: Mapping[str, Component]) -> str | None:
    if not NAME.fullmatch(point.name):
        return "a name consists of lower-case letters, digits and _"
    if point.name in known:
        return f"{known[point.name].package} has one with that name"
    return None


def built(options: Any) -> Any:
    """Return the component of an options object, such as ``config.forecaster`` of a command; it has ``_target_``."""
    from hydra.utils import get_object

    public = (field.name for field in fields(options) if not field.name.startswith("_"))
    return get_object(options._target_)(**{name: getattr(options, name) for name in public})


@cache
def loaded(group: str) -> Mapping[str, Any]:
    """Return every component of a group by name, imported; unusable ones of other packages are skipped."""
    found = {name: _usable(group, component) for name, component in components(group).items()}
    return {name: component for name, component in found.items() if component is not None}


def find(group: str, name: str) -> Any | None:
    """Return one component by its name in files or on the command line, importing only it; None when none is usable."""
    package, _, bare = name.rpartition(":")
    component = components(group).get(bare)
    return _usable(group, component) if component is not None and package in ("", component.package) else None


@cache
def _usable(group: str, component: Component) -> Any | None:
    """Return a component, imported; None, with one warning, for an unusable one of another package.

    A failing import must not end a command that may not even use it.
    """
    if component.package == OURS:
        return component.load()
    try:
        found = component.load()
        reason = _why_unusable(group, component, found)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if reason is None:
        return found
    log.warning("package %s: its %s %s is skipped: %s", component.package, group, component.name, reason)
    return None


def _why_unusable(group: str, component: Component, found: Any) -> str | None:
    members = GROUPS[group].members
    if lacking := [name for name in members if not hasattr(found, name)]:
        return f"{component.place} has no {', '.join(lacking)}; docs/extending.md describes the requirements"
    if "name" in members and found.name != component.name:
        return f"{component.place} calls itself {found.name!r:.80}"
    return None


def stored_name(group: str, component: Any) -> str | None:
    """Return the name under which files store a component; None when no installed package registers it."""
    names = (name for name, known in loaded(group).items() if known is component)
    name = next(names, None)
    return None if name is None else components(group)[name].stored_name


def unknown(group: str, name: str) -> str:
    """Return the message for an unknown name: the available ones, the nearest match, or the missing package."""
    package, _, bare = name.rpartition(":")
    if bare in components(group) and package in ("", components(group)[bare].package):
        return f"the package {components(group)[bare].package} has it, but it is unusable; a warning gives the reason."
    if package and NAME.fullmatch(bare) and PACKAGE.fullmatch(package):
        missing = "which is not installed, or has none with that name"
        return f"it belongs to the package {package}, {missing}. Install it if you trust it."
    names = list(components(group))
    return f"installed are {', '.join(names)}.{did_you_mean(name[:80], names)}"
