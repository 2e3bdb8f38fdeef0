"""Tables, pictures and a page about a check of forecasts."""
