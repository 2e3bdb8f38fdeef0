"""A trained policy as a folder of two files: ``policy.safetensors`` and ``policy.json``. No pickle, ever."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from torch import Tensor

from rlx import registry
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.outlook import is_outlook
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import CheckpointError, RlxError
from rlx.files import named_in_errors, to_json
from rlx.forecast.network import shape_types
from rlx.policies.baselines import EqualWeight
from rlx.policies.facts import FACTS_FILE, FORMAT_VERSION, PolicyFacts, WrittenNetwork, facts_file, read_facts
from rlx.policies.networks import PolicyNetwork, network_name, network_of
from rlx.policies.networks.arguments import argument_types, build
from rlx.types import FloatArray
from rlx.untrusted.escape import one_line
from rlx.untrusted.network_weights import read_weights, require_arguments, with_weights
from rlx.untrusted.shown import as_typed

log = logging.getLogger(__name__)

WEIGHTS_FILE = "policy.safetensors"


class CheckpointPolicy:
    """A network with its normalizer and its universe, behind the ``Policy`` protocol.

    Behind a shut gate it holds equal weights; ``ungated`` returns the policy that follows the network.
    """

    def __init__(self, facts: PolicyFacts, network: PolicyNetwork, path: Path | None = None) -> None:
        self.facts = facts
        self.network = network.eval()
        self.path = path
        self.name = facts.module
        self.feature_names = facts.feature_names
        self.window_steps = facts.window_steps
        self.announced: set[tuple[str, ...]] = set()  # other universes that the log has; copies share it
        self.acts = facts.gate is None or facts.gate["open"]
        self.reads_account = self.acts and network.reads_account
        self.normalizer = Normalizer.from_dict(facts.normalizer)
        self.seen = {name: (np.datetime64(first), np.datetime64(last)) for name, (first, last) in facts.seen.items()}

    @property
    def origin(self) -> str:
        """The file with the facts."""
        return FACTS_FILE if self.path is None else str(self.path / FACTS_FILE)

    def bind(self, market: Market) -> None:
        """Refuse a universe other than the one the policy was trained on, unless its network treats assets alike.

        Other forecasts than those it was trained with are refused too.
        """
        self._check_forecasts(market)
        trained, given = self.facts.symbols, tuple(market.symbols)
        if trained != given and self.network.symmetric:
            if given in self.announced:
                return
            self.announced.add(given)
            note = "the policy was trained on %s; its weights are shared by the assets, so it also decides for %s."
            log.warning(note, one_line(", ".join(trained)), ", ".join(given))
        elif trained != given:
            where = f"{self.path}: this" if self.path else "this"
            order = " (the same symbols in another order)" if sorted(trained) == sorted(given) else ""
            raise CheckpointError(
                f"{where} policy trades {one_line(', '.join(trained))}; the data have {', '.join(given)}{order}. "
                f"Select its universe with data.symbols=[{one_line(','.join(trained))}], or train a policy on this one."
            )

    def _check_forecasts(self, market: Market) -> None:
        if not any(map(is_outlook, self.feature_names)):
            return
        before = _completed(self.facts.config.get("forecaster") or {})
        now = {} if market.outlook is None else dict(market.outlook.facts)
        if before != now:
            changed = next(name for name in {**before, **now} if before.get(name) != now.get(name))
            raise CheckpointError(
                f"this policy was trained on forecasts with forecaster.{changed}={as_typed(before.get(changed))}; here "
                f"it is {as_typed(now.get(changed))}. Leave the forecaster out to take that of its training."
            )

    def ungated(self) -> CheckpointPolicy:
        """Return the policy that follows the network whatever its gate, under a name of its own."""
        policy = CheckpointPolicy(replace(self.facts, gate=None), self.network, self.path)
        policy.name = f"{self.facts.module}_ungated"
        policy.announced = self.announced
        return policy

    def reset(self, batch: int) -> None:
        """There is no state between steps."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A) float64."""
        if not self.acts:
            return EqualWeight().act(observation)
        return self.network.allocate(self.normalizer.apply(observation.features), observation)

    def decide(self, market: Market, span: Span) -> FloatArray:
        """Return the decisions (T, A) of a span in one pass, for a network that does not read the account."""
        bars = span.bars_seen(self.window_steps)
        seen = self.normalizer.apply(market.features(self.feature_names)[bars])
        return self.network.decide_all(seen)

    def forecast(self, observation: Observation) -> FloatArray | None:
        """Return the network's forecasts before it decides, (B, ...); None when it makes none."""
        return self.network.forecast(self.normalizer.apply(observation.features))

    def describe(self) -> dict[str, Any]:
        """Return the policy's origin: module, network, and the universe, data and rules it was trained with."""
        facts = {name: value for name, value in asdict(self.facts).items() if name not in ("normalizer", "config")}
        return {"kind": "checkpoint", "network": network_name(self.network), **_plain(facts)}


def save_checkpoint(directory: str | Path, facts: PolicyFacts, network: PolicyNetwork) -> None:
    """Write the two files into ``directory``, replacing its contents as a whole or not at all."""
    directory = Path(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    weights = safetensors.torch.save(tensors)
    content = {
        "format_version": FORMAT_VERSION,
        **_plain(asdict(facts)),
        "network": {"name": network_name(network), "arguments": network.arguments()},
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    new = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        with named_in_errors(directory):
            (new / WEIGHTS_FILE).write_bytes(weights)
            (new / FACTS_FILE).write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
            new.chmod(0o755)
            _swap(new, directory)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, directory: Path) -> None:
    """Replace ``directory`` by ``new``; if that fails, restore it."""
    if not directory.exists():
        new.rename(directory)
        return
    old = new.with_name(new.name + "-old")
    directory.rename(old)
    try:
        new.rename(directory)
    except BaseException:
        old.rename(directory)
        raise
    shutil.rmtree(old)


def load_checkpoint(path: str | Path, key: str = "policy.path", *, ungated: bool = False) -> CheckpointPolicy:
    """Read the policy of a run folder, or of its ``policy/`` folder; CheckpointError describes any problem.

    ``key`` is the configuration key of the path; ``ungated`` ignores the policy's gate. No network is built before the
    weights are known to match the facts and to contain what it needs.
    """
    where = facts_file(Path(path), key)
    folder = where.parent
    facts, sealed = read_facts(where)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise CheckpointError(f"{weights}: missing. Copy the whole folder, or train again.")
    try:
        tensors = read_weights(weights, sealed["weights_sha256"], FACTS_FILE)
        policy = CheckpointPolicy(facts, _network(where, sealed["network"], tensors, weights), folder)
    except CheckpointError:
        raise
    except RlxError as error:
        raise CheckpointError(f"{folder}: is inconsistent: {error}. Copy it again, or train again.") from error
    return policy.ungated() if ungated else policy


def _network(where: Path, described: WrittenNetwork, tensors: Mapping[str, Tensor], path: Path) -> PolicyNetwork:
    """Return the network that the facts describe, with the weights from ``path``."""
    kind, arguments = network_of(described["name"], f"{where}: network.name"), described["arguments"]
    require_arguments(argument_types(kind), arguments, tensors, f"{where}: network.arguments")
    if "forecaster" in arguments:
        key = f"{where}: network.arguments.forecaster"
        require_arguments(shape_types(), arguments["forecaster"], tensors, key)
    return with_weights(lambda: build(kind, arguments), tensors, path)


def _completed(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return a forecaster's recorded options with today's defaults for those that did not exist yet."""
    kinds = {kind._target_: kind for kind in registry.loaded("forecaster").values()}
    kind = kinds.get(str(recorded.get("_target_")))
    known = () if kind is None else fields(kind)
    defaults = {one.name: one.default for one in known if one.default is not MISSING}
    return {**recorded, **{name: value for name, value in to_json(defaults).items() if name not in recorded}}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON types: mappings, sequences and NumPy numbers included, anything else as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, (bool, int, float)):
        return str(value) if isinstance(value, str) else value
    if isinstance(value, (Sequence, np.ndarray)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else str(value)
