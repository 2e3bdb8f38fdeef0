"""The scoreboard: what was judged on equal terms, kept for good, ranked within one comparability key."""
