"""What a check of forecasts found, in words: first of all, whether they have any skill."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlx.measures.statistics import Interval

LEVEL = 0.05
"""The p-value, corrected for the number of symbols, from which a symbol's skill counts."""
FAR = 0.05
"""A coverage that differs from its level by more is reported."""


def write_verdict(document: Mapping[str, Any]) -> str:
    """Return the verdict of a document of ``rlx.app.forecast_check``."""
    close = [row for row in document["pooled"] if row["price"] == "close"]
    sentences = [
        *_warnings(document),
        _skill(document, close[0]),
        _median(close[0]),
        *_symbols(document),
        *_other_prices(document),
        *_other_horizons(close),
        *_coverage(close[0], document["levels"]),
        *_counted(document),
    ]
    return " ".join(sentences)


def _warnings(document: Mapping[str, Any]) -> list[str]:
    found, forecaster = [], document["forecaster"]
    if forecaster["test_only"]:
        found.append(f"This forecaster is for tests: {forecaster['test_only']}. Nothing below is evidence of skill.")
    if document["split"]["bars_seen"]:
        found.append(
            f"{document['split']['bars_seen']} of the {document['split']['bars']} bars are not after the last date that"
            f" went into the forecaster ({forecaster['last_seen'][:10]}): what it says there is no test."
        )
    elif forecaster["weights"] and forecaster["last_seen"] is None:
        found.append("Nobody stated which dates its weights have seen; these prices may be among them.")
    return found


def _skill(document: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    name, null = document["forecaster"]["name"], document["null"]["name"]
    found = row["skill_over_null"]
    if name == null and found["estimate"] in (None, 0.0):
        return f"{name} is the null model itself."
    null = f"{null}, the null model" + (" with its default options" if name == null else "")
    share = _in_words(found)
    if found["covers_zero"] is None:
        return f"Whether {name} has skill cannot be said: {found['reason']}."
    if found["covers_zero"]:
        return f"{name} has no skill: it saves {share} of the pinball loss of {null} (the close of the next bar)."
    if found["estimate"] < 0.0:
        return (
            f"{name} is worse than {null}: its pinball loss is larger by {_larger(found)} (the close of the next bar)."
        )
    return f"{name} has skill: it saves {share} of the pinball loss of {null} (the close of the next bar)."


def _median(row: Mapping[str, Any]) -> str:
    found = row["mae_skill"]
    if found["estimate"] is None or row["mae"] is None:
        return "Its medians cannot be compared with no move."
    errs = f"Its median errs by {row['mae']:.3%} on average"
    still = f"no move by {row['no_move_mae']:.3%}"
    if found["covers_zero"] is False and found["estimate"] > 0.0:
        return f"{errs}, less than a forecast of {still}."
    if found["covers_zero"] is False:
        return f"{errs}, more than a forecast of {still}."
    where = ", and what skill it has is in the width of its forecasts" if _above(row["skill_over_null"]) else ""
    return f"{errs}, no less than a forecast of {still}: it does not know the direction{where}."


def _symbols(document: Mapping[str, Any]) -> list[str]:
    first = {symbol: rows[0] for symbol, rows in document["symbols"].items()}
    if len(first) < 2 or document["forecaster"]["name"] == document["null"]["name"]:
        return []
    needed = math.ceil(len(first) / LEVEL)
    if document["resamples"] + 1 < needed:
        few = f"{document['resamples']:,} resamples are too few to find skill of one of {len(first)} symbols"
        return [f"{few} (resamples={needed} at least)."]
    good = [symbol for symbol, row in first.items() if row["p_value"] is not None and row["p_value"] <= LEVEL]
    who = f" ({', '.join(good[:8])}{', ...' if len(good) > 8 else ''})" if good else ""
    return [f"Corrected for the number of symbols, {len(good)} of {len(first)} show skill at {LEVEL:.0%}{who}."]


def _other_prices(document: Mapping[str, Any]) -> list[str]:
    others = [row for row in document["pooled"] if row["price"] != "close" and row["horizon"] == 1]
    if not others:
        return []
    parts = [f"{row['price']} {_in_words(row['skill_over_null'])}" for row in others]
    return [f"Skill over the null model for the other prices: {'; '.join(parts)}."]


def _other_horizons(close: list[Mapping[str, Any]]) -> list[str]:
    if len(close) < 2:
        return []
    good = [str(row["horizon"]) for row in close if _above(row["skill_over_null"])]
    return [f"Horizons with skill for the close: {', '.join(good) if good else 'none'} of {len(close)}."]


def _coverage(row: Mapping[str, Any], levels: list[float]) -> list[str]:
    known = [
        (abs(share - level), level, share)
        for level, share in zip(levels, row["coverage"], strict=True)
        if share is not None
    ]
    if not known:
        return []
    far, level, share = max(known)
    if far <= FAR:
        return [f"Its quantiles are reached as often as they say, within {far:.1%}."]
    return [f"Its quantiles are miscalibrated: {share:.1%} of the closes are at or below that of level {level:g}."]


def _counted(document: Mapping[str, Any]) -> list[str]:
    counts, words = document["counted"], {"missing": "missing", "high_below_low": "with a high below the low"}
    found = [f"{counts[key]:,} {text}" for key, text in words.items() if counts[key]]
    degraded = [f"{counts['degraded']:,} from fewer samples than asked for"] if counts["degraded"] else []
    return [f"Of {counts['forecasts']:,} forecasts: {', '.join(found + degraded)}."] if found + degraded else []


def _above(interval: Mapping[str, Any]) -> bool:
    return interval["covers_zero"] is False and interval["estimate"] > 0.0


def _in_words(interval: Mapping[str, Any] | Interval) -> str:
    facts = interval.to_dict() if isinstance(interval, Interval) else interval
    if facts["estimate"] is None:
        return "an undefined share"
    if facts["low"] is None:
        return f"{facts['estimate']:.1%}"
    return f"{facts['estimate']:.1%} (95% interval {facts['low']:.1%} to {facts['high']:.1%})"


def _larger(interval: Mapping[str, Any]) -> str:
    """Return a negative skill as how much larger the loss is."""
    return f"{-interval['estimate']:.1%} (95% interval {-interval['high']:.1%} to {-interval['low']:.1%})"
