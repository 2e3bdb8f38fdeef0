"""Orders for single symbols, replayed on OHLC bars: trading plans, and strategies on forecasts."""
