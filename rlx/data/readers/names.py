"""A symbol from a file's name, where no column has it."""

from __future__ import annotations

import re
from pathlib import Path

_ENDINGS = re.compile(
    r"(\.us|[-_ ]\d{4}-\d{2}-\d{2}_to_\d{4}-\d{2}-\d{2}|[-_ ]\d+[mhdwy]|[-_ ]\d+(min|hour|day)|"
    r"[-_ ](hourly|daily|minute|data|prices?|history|ohlcv|1min|stock))$",
    re.IGNORECASE,
)
_BEGINNINGS = re.compile(r"^(wiki|nasdaq|nyse|amex|nse|bse|binance|coinbase|kraken|bitstamp)[-_]", re.IGNORECASE)


def symbol_from_name(path: Path) -> str:
    """Return the file's name in capitals without extensions and without a few common additions.

    Dropped endings: ``.us``, ``_2006-01-01_to_2018-01-01``, a bar length or span such as ``-1h`` or ``_30Y``, and
    words such as ``_data`` or ``-Hourly``. Dropped beginnings: an exchange or database such as ``NASDAQ_``.
    """
    stem = re.sub(r"\.(csv|txt|tsv|gz|zip|parquet|pq|feather|json)", "", path.name, flags=re.IGNORECASE)
    symbol = stem
    while (shorter := _ENDINGS.sub("", symbol)) and shorter != symbol:
        symbol = shorter
    return (_BEGINNINGS.sub("", symbol) or stem).upper()
