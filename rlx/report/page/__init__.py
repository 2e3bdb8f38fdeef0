"""The scoreboard as one HTML page that needs nothing beside it: no network, no server, no other file."""
