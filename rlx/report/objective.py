"""The objective of a trained policy under other risk weights, as documents of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlx.evaluate.windows import HOLDOUT, WINDOWS
from rlx.measures.metric import written
from rlx.report.tables import Table, to_markdown
from rlx.untrusted.markdown import document, heading, words

NAME = "objective"
NO_TRADE_CHANGES = (
    "No trade changes: the policy was not trained again, and acts as before. Only the weights of its reward's terms "
    "differ. Terms are per year and signed, and their sum is the reward."
)
SIDES = ("trained", "given")


def objective_documents(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the report as JSON and Markdown, by file name."""
    return {f"{NAME}.json": dict(report), f"{NAME}.md": objective_text(report)}


def objective_text(report: Mapping[str, Any]) -> str:
    """Return the report as Markdown: the hold-out, and the distribution over the windows of every other set."""
    sets = dict(report["sets"])
    blocks: list[str] = [heading(1, f"Objective of {report['policy']} under other weights"), NO_TRADE_CHANGES]
    blocks += [to_markdown(_weights(report["weights"])), *_left_out(report["left_out"])]
    if (holdout := sets.pop(HOLDOUT, None)) is not None:
        blocks += [heading(2, "Hold-out"), to_markdown(_overall(holdout))]
    for name, windows in sets.items():
        title = "Windows" if name == WINDOWS else f"Windows of {name}"
        blocks += [heading(2, title), f"{len(windows['first'])} windows of {windows['steps']} steps."]
        blocks.append(to_markdown(_distribution(windows)))
    return document([*blocks, words(f"Every window is in {NAME}.json.")])


def _left_out(names: Sequence[str]) -> list[str]:
    return [f"Left out, because the policy's files lack what it needs: {', '.join(names)}."] if names else []


def _weights(weights: Mapping[str, Mapping[str, float]]) -> Table:
    rows = [[name, *(f"{weights[side][name]:g}" for side in SIDES)] for name in weights[SIDES[0]]]
    return Table(["weight", *SIDES], rows)


def _overall(windows: Mapping[str, Any]) -> Table:
    rows = [[name, *(_text(windows[side][name][0]) for side in SIDES)] for name in windows[SIDES[0]]]
    return Table(["term", *SIDES], rows)


def _distribution(windows: Mapping[str, Any]) -> Table:
    header = ["term", *(f"{side} {level}" for side in SIDES for level in ("p05", "median", "p95"))]
    rows = [[name, *(cell for side in SIDES for cell in _quantiles(windows[side][name]))] for name in windows[SIDES[0]]]
    return Table(header, rows)


def _quantiles(values: Sequence[float | None]) -> list[str]:
    known = [value for value in values if value is not None]
    found = np.quantile(known, (0.05, 0.5, 0.95)) if known else (None, None, None)
    return [_text(one) for one in found]


def _text(value: float | None) -> str:
    return written(None if value is None else round(value, 4) + 0.0, "+.4f")  # no -0.0000
