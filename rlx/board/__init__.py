"""The scoreboard: policies judged on equal terms, kept permanently, ranked within one comparability key."""
