"""The judge: one evaluator, its protocols, and the scorecard they produce.

Learners never import this package and it never imports a learner, so no learner can score itself its own way.
"""

import sys

import rlx

sys.modules[__name__].__class__ = rlx.CallablePackage

BOARD = "outputs/board/scoreboard.json"
"""Default path of a benchmark's scoreboard: in a folder that git ignores, separate from the committed scoreboards."""
