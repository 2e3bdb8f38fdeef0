"""Protocols, one file each: the options, the windows that are played, and what is measured on them."""
