"""Panels without user files: the included samples and generated markets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

from rlx.data.panel import BAR_FIELDS, MarketPanel
from rlx.data.synthetic import synthetic
from rlx.errors import DataError, did_you_mean

__all__ = ["SAMPLES", "sample", "synthetic"]

SAMPLES = ("daily9", "hourly5")


def sample(
    dataset: str = "daily9", symbols: Sequence[str] | None = None, start: str | None = None, end: str | None = None
) -> MarketPanel:
    """Return an included panel: ``daily9`` (9 US symbols, 2012-2021) or ``hourly5`` (5 symbols, hourly, 2012-2021).

    Hourly bars are labelled by their start; two bars that AAPL lacks are omitted.
    """
    if dataset not in SAMPLES:
        allowed = ", ".join(SAMPLES)
        raise DataError(f"data.dataset={dataset!r}: unknown.{did_you_mean(dataset, SAMPLES)} Allowed: {allowed}.")
    return _read_sample(dataset).select(symbols, start, end)


@lru_cache(maxsize=len(SAMPLES))
def _read_sample(dataset: str) -> MarketPanel:
    import pandas as pd

    from rlx.data.readers.numbers import to_numbers

    packed = resources.files("rlx.data").joinpath("sample", f"{dataset}.csv.gz")
    with packed.open("rb") as stream:
        table = pd.read_csv(stream, compression="gzip", dtype=str)
    for name in BAR_FIELDS:
        table[name] = to_numbers(table[name])[0]  # exact, so that the user's copy of a file has the same fingerprint
    symbols = tuple(table["symbol"].unique())
    wide = table.pivot(index="timestamp", columns="symbol").dropna()
    stamps = pd.to_datetime(wide.index, utc=True).tz_localize(None).to_numpy()
    open_, high, low, close, volume = (wide[name][list(symbols)].to_numpy(dtype="float64") for name in BAR_FIELDS)
    return MarketPanel(symbols, stamps, close, open_, high, low, volume, source=f"sample data '{dataset}'")
