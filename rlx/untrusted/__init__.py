"""Untrusted input: files are read under caps, and their text is written out again harmlessly."""
