"""Protocols, a file each: the options, the windows that are played, and what is measured of them."""
