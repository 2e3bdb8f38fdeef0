"""Pictures of evaluations; reads what the judge measured and never simulates."""
