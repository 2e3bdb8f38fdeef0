"""Orders for single symbols, replayed on OHLC bars."""
