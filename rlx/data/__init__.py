"""Market data: panels, readers, checks, causal features and splits."""
