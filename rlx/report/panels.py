"""The panels of the report's picture; each draws one quantity of the hold-out on given axes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.windows import HOLDOUT
from rlx.measures.evaluation import Evaluation
from rlx.measures.metrics import drawdowns
from rlx.sim.rules import Rules
from rlx.types import FloatArray, TimeArray
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#1b1f24"
MUTED = "#6a737d"
POLICY = "#0b5cad"
BASELINES = {"equal_weight": "#d1660f", "buy_and_hold": "#1a8f6d", "cash": "#8a8f98"}
OTHERS = ("#9a5fb5", "#b8912b", "#3b9ab2")
CAP = "#c0392b"
GUARDS = {
    "drawdown_guard": ("drawdown", "#c0392b"),
    "negative_return_guard": ("negative return", "#d98c00"),
    "turnover_guard": ("turnover", "#6b4fa0"),
}


@contextmanager
def plain_names() -> Iterator[None]:
    """Draw and write a picture in which names are shown as they stand; also a decorator.

    Dollar signs do not begin a formula, and a letter that the font lacks is a box and no warning.
    """
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def draw_equity(axes: Axes, curves: Mapping[str, Evaluation], policy: str) -> None:
    """Value of the policy and the baselines, 1 at the start; each line is labelled at its end."""
    from matplotlib.ticker import LogFormatter

    style(axes, "Value of 1 invested")
    colours = _colours(curves, policy)
    values = {
        name: np.concatenate(([1.0], evaluation.sets[HOLDOUT].ledger.value[0])) for name, evaluation in curves.items()
    }
    for name, value in values.items():
        own = name == policy
        axes.plot(
            _edges(curves[name]),
            value,
            color=colours[name],
            lw=2.2 if own else 1.3,
            zorder=3 if own else 2,
            solid_capstyle="round",
        )
    axes.axhline(1.0, color=MUTED, lw=0.7, zorder=1)
    if _spans_decades(list(values.values())):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(LogFormatter())  # the usual one writes formulas, which plain_names shows as text
        axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        axes.set_title("Value of 1 invested (log scale)", loc="left", fontsize=12, fontweight="bold", color=INK, pad=6)
    _label_ends(axes, {name: float(value[-1]) for name, value in values.items()}, colours, policy)


def draw_drawdown(axes: Axes, curves: Mapping[str, Evaluation], policy: str) -> None:
    """Fraction below the peak: the policy filled, equal weight (or the first baseline) as a line."""
    colours = _colours(curves, policy)
    others = [name for name in curves if name != policy]
    beside = "equal_weight" if "equal_weight" in others else (others[0] if others else None)
    style(axes, "Drawdown" if beside is None else f"Drawdown, beside {_spoken(beside)}")
    own = -drawdowns(np.concatenate(([1.0], curves[policy].sets[HOLDOUT].ledger.value[0])))
    axes.fill_between(_edges(curves[policy]), own, 0.0, color=POLICY, alpha=0.28, lw=0)
    axes.plot(_edges(curves[policy]), own, color=POLICY, lw=1.1)
    if beside is not None:
        value = np.concatenate(([1.0], curves[beside].sets[HOLDOUT].ledger.value[0]))
        axes.plot(_edges(curves[beside]), -drawdowns(value), color=colours[beside], lw=1.1)
    axes.set_ylim(min(float(axes.get_ylim()[0]), -0.01), 0.0)
    percent_axis(axes)
    note(axes, f"deepest {abs(own.min()):.1%}", POLICY)


def draw_exposure(axes: Axes, evaluation: Evaluation) -> None:
    """Gross exposure traded into and carried out of each step, under the caps that bound them."""
    ledger, limits = evaluation.sets[HOLDOUT].ledger, evaluation.rules.limits
    edges = _edges(evaluation)
    style(axes, "Gross exposure")
    traded, carried = ledger.gross_exposure[0], ledger.closing_gross_exposure[0]
    axes.fill_between(edges, _stairs(carried), 0.0, step="post", color=POLICY, alpha=0.28, lw=0)
    axes.step(edges, _stairs(traded), where="post", color=POLICY, lw=1.0)
    caps = {"intraday": limits.intraday_gross, "closing": limits.closing_gross}
    drawn = {name: cap for name, cap in caps.items() if cap is not None}
    for cap in set(drawn.values()):
        axes.axhline(cap, color=CAP, lw=1.2, ls=(0, (5, 3)), zorder=4)
    axes.set_ylim(0.0, 1.12 * max(float(traded.max()), *drawn.values(), 0.05))
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:g}x")
    lines = [f"mean {traded.mean():.2f}x traded", f"mean {carried.mean():.2f}x carried"]
    note(axes, "\n".join(lines), POLICY)
    note(axes, "\n".join(f"{name} cap {cap:g}x" for name, cap in drawn.items()) or "no cap", CAP, y=0.38)


def draw_turnover(axes: Axes, evaluation: Evaluation) -> None:
    """Turnover of each step, both sides, and the threshold of its guard."""
    ledger, guard = evaluation.sets[HOLDOUT].ledger, evaluation.rules.guard
    turnover = ledger.turnover[0]
    top = float(turnover[1:].max(initial=0.0))  # the first purchase alone would flatten all that follows
    style(axes, "Turnover per step")
    axes.fill_between(_edges(evaluation), _stairs(turnover), 0.0, step="post", color=INK, alpha=0.6, lw=0)
    axes.set_ylim(0.0, 1.08 * (top if top > 0.0 else max(float(turnover[0]), 0.01)))
    percent_axis(axes)
    cost = ledger.trading_cost[0].mean() * evaluation.periods_per_year
    note(axes, f"mean {turnover.mean():.1%}\nfirst step {turnover[0]:.0%}\ncosts {cost:.2%} a year", INK)
    if guard.turnover_threshold is not None and _guard_is_on(evaluation.rules, "turnover_guard"):
        axes.axhline(guard.turnover_threshold, color=GUARDS["turnover_guard"][1], lw=1.0, ls=(0, (5, 3)))


def draw_guards(axes: Axes, evaluation: Evaluation) -> None:
    """One lane for each guard, filled on the steps it fired on, with its hit rate."""
    windows = evaluation.sets[HOLDOUT]
    style(axes, "Guards fired")
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.5, len(GUARDS) - 0.5)
    axes.set_yticks([])
    edges = _edges(evaluation)
    for lane, (quantity, (label, colour)) in enumerate(reversed(GUARDS.items())):
        fired = getattr(windows.ledger, quantity)[0].astype(bool)
        off = not _guard_is_on(evaluation.rules, quantity)
        axes.axhspan(lane - 0.36, lane + 0.36, color="#eef0f3", lw=0)
        axes.fill_between(edges, lane - 0.36, lane + 0.36, where=_stairs(fired), step="post", color=colour, lw=0.6)
        axes.annotate(
            f"{label}  {'off' if off else f'{fired.mean():.0%}'}",
            (1.0, lane),
            xycoords=("axes fraction", "data"),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=10.5,
            color=MUTED if off else colour,
            annotation_clip=False,
        )


def _guard_is_on(rules: Rules, quantity: str) -> bool:
    """Return whether a guard can fire at all; the turnover guard acts through the cooldown only."""
    if getattr(rules.guard, f"{quantity.removesuffix('_guard')}_threshold") is None:
        return False
    return quantity != "turnover_guard" or rules.cooldown.enabled


def _edges(evaluation: Evaluation) -> TimeArray:
    """Return the T + 1 moments between steps: every decision, and the last step's close."""
    windows = evaluation.sets[HOLDOUT]
    return np.append(windows.timestamps[0], windows.end_timestamps[0, -1])


def _stairs(values: FloatArray) -> FloatArray:
    """Return per-step values (T,) for drawing with step="post" over the T + 1 borders."""
    return np.append(values, values[-1])


def _colours(curves: Mapping[str, Evaluation], policy: str) -> dict[str, str]:
    """Return a colour for each curve; the usual baselines always have the same one."""
    unusual = [name for name in curves if name != policy and name not in BASELINES]
    return {**BASELINES, **{name: OTHERS[i % len(OTHERS)] for i, name in enumerate(unusual)}, policy: POLICY}


def style(axes: Axes, title: str) -> None:
    """Give a panel its title and the look that all have."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c5cad1")
    axes.tick_params(labelsize=10.5, colors=MUTED, length=3)
    axes.grid(visible=True, color="#e6e9ed", lw=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0)


def percent_axis(axes: Axes) -> None:
    """Label the height in percent, with the decimals that its range needs."""
    low, high = axes.get_ylim()
    decimals = 0 if high - low > 0.06 else 1 if high - low > 0.006 else 2
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:.{decimals}%}".replace("-0%", "0%"))


def note(axes: Axes, text: str, colour: str, y: float = 1.0) -> None:
    """Write beside a panel, at the height ``y`` of it."""
    axes.annotate(
        text,
        (1.0, y),
        xycoords="axes fraction",
        xytext=(10, 0),
        textcoords="offset points",
        va="top",
        fontsize=10.5,
        color=colour,
        linespacing=1.35,
        annotation_clip=False,
    )


def _spoken(name: str) -> str:
    return one_line(name).replace("_", " ")


def _spans_decades(values: Sequence[FloatArray]) -> bool:
    """Return whether a linear axis would hide the start: growth beyond fivefold, or a fall below a fifth."""
    return max(float(value.max()) for value in values) > 5.0 or min(float(value.min()) for value in values) < 0.2


def _label_ends(axes: Axes, ends: Mapping[str, float], colours: Mapping[str, str], policy: str) -> None:
    """Name each curve at its end, moved apart where the ends are close."""
    axes.get_ylim()  # fixes the scale that the positions are measured in
    at = {
        name: float(axes.transAxes.inverted().transform(axes.transData.transform((0.0, end)))[1])
        for name, end in ends.items()
    }
    for (name, end), height in zip(ends.items(), spread(list(at.values()), gap=0.145), strict=True):
        axes.annotate(
            f"{_spoken(name)}\n{end - 1:+.1%}",
            (1.0, height),
            xycoords="axes fraction",
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=10.5,
            linespacing=1.25,
            color=colours[name],
            fontweight="bold" if name == policy else "normal",
            annotation_clip=False,
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights moved apart to be at least ``gap`` from each other, in the same order, within 0 and 1."""
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, float)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    ceiling = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    out = np.empty(len(placed))
    out[order] = placed
    return [float(height) for height in out]
