"""Measures of a finished book: pure functions of returns and ledgers, and the metrics, each declared once."""
