"""Tables, figures and pages about evaluations; reads what the judge measured and never simulates."""
