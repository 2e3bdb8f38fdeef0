"""Compiled code against eager code: the record of comparisons, their verdicts, and histories of the old kind."""
