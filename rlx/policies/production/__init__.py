"""The record of a production system: its trades and its log, summarised and replayed as a policy."""

from rlx.policies.production.files import read_record
from rlx.policies.production.summary import reference_rows, summarise

__all__ = ["read_record", "reference_rows", "summarise"]
