"""``policy.json``: the facts stored next to a policy's weights, read as plain values of known types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, TypedDict

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer, WrittenNormalizer
from rlx.data.splits import Seen, Span
from rlx.errors import CheckpointError, FileError
from rlx.policies.gate import Gate
from rlx.run_folder import RunFolder
from rlx.sim.rules import Rules
from rlx.untrusted.documents import MAX_FACTS_BYTES, read_json
from rlx.untrusted.plain_types import NAME, Rule, matching, require, require_fields
from rlx.untrusted.shown import shown

FACTS_FILE = "policy.json"
FORMAT_VERSION = 1

Named = Annotated[str, matching(NAME, "a name")]  # it becomes the name of a policy, and of files
Names = Annotated[tuple[str, ...], Rule("a list of names", bool)]


class WrittenNetwork(TypedDict):
    """The fields of the network in ``policy.json``."""

    name: str
    arguments: dict[str, Any]


class Sealed(TypedDict):
    """The fields of ``policy.json`` in addition to the ``PolicyFacts``."""

    network: WrittenNetwork
    weights_sha256: str


@dataclass(frozen=True)
class PolicyFacts:
    """Everything needed to act with a network again, and its origin; the content of ``policy.json``.

    ``seen`` names the spans that the policy was fitted on (``trained``, ``selected``), each by the time stamps of its
    first decision and its last close, as text. ``gate`` holds the fields of its ``Gate``, None where there was none.
    """

    module: Named
    symbols: Names
    asset_classes: Names
    feature_names: Names
    window_steps: Annotated[int, Rule("a whole number above 0", lambda value: value > 0)]
    normalizer: Annotated[dict[str, Any], WrittenNormalizer]
    rules: dict[str, Any]
    config: dict[str, Any]
    data_fingerprint: Named
    code_version: Named
    seen: Seen
    gate: Annotated[dict[str, Any] | None, Gate | None] = None

    @classmethod
    def of(
        cls,
        module: str,
        market: Market,
        rules: Rules,
        normalizer: Normalizer,
        window_steps: int,
        config: Mapping[str, Any],
        seen: Mapping[str, Span],
        gate: Gate | None = None,
    ) -> PolicyFacts:
        """Return the facts of a policy trained by ``module`` with ``config`` on ``market`` under ``rules``."""
        return cls(
            module=module,
            symbols=tuple(market.symbols),
            asset_classes=tuple(str(name) for name in market.asset_classes),
            feature_names=tuple(normalizer.feature_names),
            window_steps=window_steps,
            normalizer=normalizer.to_dict(),
            rules=asdict(rules),
            config=dict(config),
            data_fingerprint=market.fingerprint,
            code_version=version("rlx"),
            seen={name: span.ends(market.timestamps) for name, span in seen.items()},
            gate=None if gate is None else asdict(gate),
        )


def facts_file(path: Path, key: str = "policy.path") -> Path:
    """Return the facts of the policy in a run folder or its ``policy/`` folder; CheckpointError where there are none.

    ``key`` is the configuration key of the path.
    """
    for folder in (RunFolder(path).policy, path):
        if (folder / FACTS_FILE).is_file():
            return folder / FACTS_FILE
    if RunFolder(path).refits_index.is_file():
        raise CheckpointError(
            f"{key}={path}: has one policy per window of a walk-forward. Judge all with policy=refitted, or name one, "
            f"for example {RunFolder(path).refit('00').path}."
        )
    what = "nothing there" if not path.exists() else f"no {FACTS_FILE} in it or in its {RunFolder.policy}/ folder"
    raise CheckpointError(f"{key}={path}: {what}. Give the folder of a training run (outputs/<module>/<run>).")


def read_facts(path: Path) -> tuple[PolicyFacts, Sealed]:
    """Return the facts, and the additional fields; an empty config was not recorded."""
    try:
        content = read_json(path, limit=MAX_FACTS_BYTES)
        found = content.get("format_version") if isinstance(content, dict) else None
        if found != FORMAT_VERSION:
            raise CheckpointError(
                f"{path}: format_version is {shown(found)}, this version of rlx reads {FORMAT_VERSION}. Use the "
                "version of rlx that wrote it, or train again."
            )
        facts = require_fields(PolicyFacts, content, str(path), closed=False)
        sealed: Sealed = require(content, Sealed, str(path))
    except FileError as error:
        raise CheckpointError(f"{error} Copy it again, or train again.") from error
    _check_agreement(path, content)
    return facts, sealed


def _check_agreement(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse facts that contradict each other or the arguments of the network."""
    arguments = content["network"]["arguments"]
    given, scaled = content["feature_names"], content["normalizer"]["feature_names"]
    _require(path, "feature_names", given, given == scaled, f"those of the normalizer, in order: {shown(scaled)}")
    for name, argument in (("symbols", "n_assets"), ("feature_names", "n_features"), ("window_steps", "window_steps")):
        value = content[name]
        found = len(value) if isinstance(value, list) else value
        expected = arguments.get(argument, found)
        _require(path, name, value, found == expected, f"{shown(expected)} as in network.arguments.{argument}")
    classes, symbols = content["asset_classes"], content["symbols"]
    _require(path, "asset_classes", classes, len(classes) == len(symbols), f"{len(symbols)}, one per symbol")


def _require(path: Path, name: str, found: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise CheckpointError(f"{path}: {name} is {shown(found)}, expected {expected}. Copy it again, or train again.")
