"""Tables, pictures and pages about strategies on forecasts."""
