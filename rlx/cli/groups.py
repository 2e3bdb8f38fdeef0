"""The type to which every command adds its parser."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Groups: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
else:
    Groups = argparse._SubParsersAction
