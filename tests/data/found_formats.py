"""What each of the 33 files in ``formats_as_found`` must give, established by looking at the files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2].parent / "shared" / "market" / "formats_as_found"


@dataclass(frozen=True)
class Expected:
    """``refused``: codes of the errors, empty when the file loads. first, last: closes of the first symbol."""

    path: str
    symbol: str
    rows: int
    first: float
    last: float
    start: str
    end: str
    ppy: float
    fields: str = "OHLCV"
    findings: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    symbols: int = 1


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _loads(path, symbol, rows, first, last, start, end, ppy, fields="OHLCV", findings="", symbols=1):  # type: ignore[no-untyped-def]
    return Expected(path, symbol, rows, first, last, start, end, ppy, fields, _codes(findings), symbols=symbols)


def _refused(path, symbol, rows, first, last, start, end, refused, findings=""):  # type: ignore[no-untyped-def]
    return Expected(
        path, symbol, rows, first, last, start, end, 0.0, findings=_codes(findings), refused=_codes(refused)
    )


FILES = (
    _loads("yahoo_csv/AXP.csv", "AXP", 1499, 32.956535, 39.213654, "2000-01-03", "2005-12-16", 252,
           findings="adjusted_prices"),
    _loads("yfinance_multiheader/TRV.csv", "TRV", 797, 17.52661895751953, 17.92901611328125, "2000-01-03",
           "2003-03-07", 252),
    _loads("yfinance_multiheader/AAPL.csv", "AAPL", 797, 0.8410477042198181, 0.21834346652030945, "2000-01-03",
           "2003-03-07", 252, findings="price_jump"),
    _refused("yfinance_ticker_history/TATASTEEL.csv", "TATASTEEL", 2485, 10.368889808654785, 125.30000305175781,
             "2013-09-12", "2023-10-10", "dividend_adjustment", "unused_columns"),
    _loads("yfinance_lower/IBKR.csv", "IBKR", 1560, 11.516168594360352, 68.44999694824219, "2020-01-02",
           "2026-03-18", 252),
    _loads("synthetic_not_market/AAPL.csv", "AAPL", 400, 101.04342830602246, 135.91590910383968, "2022-01-03",
           "2023-07-14", 261, findings="synthetic_lookalike"),
    _loads("alpaca_like_crypto/SUIUSDT.csv", "SUIUSDT", 781, 0.8438, 0.9284, "2024-01-01", "2026-02-19", 365,
           findings="weekend_bars wick unused_columns"),
    _loads("quandl_wiki/WIKI-AAPL.csv", "AAPL", 3499, 1.6565446563157, 168.34, "2004-04-30", "2018-03-27", 252,
           findings="adjusted_prices descending unused_columns"),
    _loads("stooq_us_txt/aapl.us.txt", "AAPL", 3365, 1.981, 174.67, "2004-07-06", "2017-11-10", 252,
           findings="unused_columns"),
    _refused("kaggle_djia_dirty/HD_2006-01-01_to_2018-01-01.csv", "HD", 3020, 41.24, 189.53, "2006-01-03",
             "2017-12-29", "missing_price zero_price", "slightly_outside"),
    _refused("kaggle_djia_dirty/BA_2006-01-01_to_2018-01-01.csv", "BA", 3020, 70.44, 294.91, "2006-01-03",
             "2017-12-29", "missing_price outside_range", "slightly_outside"),
    _refused("kaggle_djia_dirty/DIS_2006-01-01_to_2018-01-01.csv", "DIS", 3020, 24.4, 107.51, "2006-01-03",
             "2017-12-29", "missing_price", "slightly_outside"),
    _refused("kaggle_djia_dirty/TRV_2006-01-01_to_2018-01-01.csv", "TRV", 3020, 45.99, 135.64, "2006-01-03",
             "2017-12-29", "missing_price outside_range bad_print", "slightly_outside"),
    _loads("kaggle_sp500_5yr/AAPL_data.csv", "AAPL", 1259, 67.8542, 159.54, "2013-02-08", "2018-02-07", 252),
    _loads("google_finance/NASDAQ_AAPL_30Y.csv", "AAPL", 2499, 1.2143, 0.6317, "1987-12-11", "1997-10-28", 253,
           fields="HLCV", findings="open_zero"),
    _refused("cryptodatadownload/BTC_USD-Hourly.csv", "BTC/USD", 3998, 8740.99, 43312.27, "2018-05-15 06:00",
             "2022-03-01 00:00", "long_hole", "weekend_bars swapped_volume descending no_time_zone unused_columns"),
    _loads("cryptodatadownload_old/coinbase-1h-btc-usd.csv", "BTCUSD", 1999, 5073.0, 11849.69, "2019-04-11 19:00",
           "2019-07-04 01:00", 8760, findings="weekend_bars descending no_time_zone"),
    _loads("freqtrade_json/BTC_USDT-1h.json", "BTC_USDT", 4700, 4308.83, 10855.34, "2017-08-17 04:00",
           "2018-03-02 15:00", 8760, findings="weekend_bars gaps"),
    _loads("freqtrade_feather/ETH_BTC-5m.feather", "ETH_BTC", 5760, 0.0994766, 0.10441057, "2018-01-10 04:55",
           "2018-01-30 04:50", 105120,
           findings="weekend_bars"),
    _loads("poloniex/REPETH.csv", "REPETH", 3999, 10.0, 0.44848833, "2016-10-04 18:30", "2016-12-27 01:30", 17520,
           findings="weekend_bars wick stale price_jump unused_columns"),
    _loads("epoch_no_volume/EURUSD_1h.csv", "EURUSD", 2999, 1.14172, 1.19372, "2017-07-03 00:00",
           "2017-12-28 08:00", 6140, fields="OHLC", findings="gaps"),
    _loads("backtrader_minute/2006-01-02-volume-min-001.txt", "2006-01-02-VOLUME-MIN-001", 2999, 3599.0, 3671.0,
           "2006-01-02 09:01", "2006-01-06 11:33", 755 * 252,
           findings="short_history gaps no_time_zone unused_columns"),
    _loads("trademaster_long/exchange_valid.csv", "AUSTRALIAN DOLLAR", 68, 0.7165890361877464, 0.7554011179936546,
           "2016-01-04", "2016-04-08", 252, fields="C",
           findings="short_history close_only_as_ohlc stale dropped_bars unused_columns", symbols=22),
    _loads("trademaster_long/dj30_valid.csv", "AAPL", 68, 73.89432525634766, 65.6158676147461, "2020-01-02",
           "2020-04-08", 252, fields="OHLC",
           findings="short_history adjusted_prices dropped_bars unused_columns", symbols=29),
    _loads("nasdaq_com/TRV.csv", "TRV", 2518, 40.62, 126.6, "2008-11-24", "2018-11-23", 252, findings="descending"),
    _refused("nse_bhavcopy/ADANIPORTS.csv", "ADANIPORTS", 2954, 140.0, 1341.85, "2012-01-17", "2024-03-28",
             "duplicate_conflict", "duplicate_rows descending unused_columns"),
    _loads("zerodha/ADANIPORTS.csv", "ADANIPORTS", 1499, 340.45, 812.3, "2015-05-13", "2021-06-02", 248,
           findings="descending"),
    _loads("headerless_ddmmyy/ADANIPORTS.csv", "ADANIPORTS", 1277, 273.8, 707.5, "2017-01-02", "2022-02-28", 247,
           findings="unused_columns"),
    _refused("lean_raw_unadjusted/AAPL.csv", "AAPL", 5849, 16.25, 122.15, "1998-01-02", "2021-03-31",
             "unadjusted_split bad_print", "wick price_jump"),
    _refused("lean_raw_unadjusted/GOOG.csv", "GOOG", 4183, 100.37, 2068.63, "2004-08-19", "2021-03-31",
             "unadjusted_split bad_print", "wick close_spike"),
    _refused("lean_raw_unadjusted/QQQ.csv", "QQQ", 3964, 101.94, 319.13, "1999-03-10", "2021-03-31",
             "long_hole unadjusted_split", "wick"),
    _refused("lean_raw_unadjusted/EEM.csv", "EEM", 5245, 9.63, 53.34, "1998-01-06", "2021-03-31",
             "security_change unadjusted_split", "gaps"),
    _refused("lean_zip/aapl.zip", "AAPL", 5849, 16.25, 122.15, "1998-01-02", "2021-03-31",
             "unadjusted_split bad_print", "scaled_prices wick price_jump"),
)  # fmt: skip
