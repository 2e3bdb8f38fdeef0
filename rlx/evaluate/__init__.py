"""The judge: one evaluator, its protocols, and the scorecard they end in.

Learners never import this package and it never imports a learner, so nobody scores itself its own way.
"""

import sys

import rlx

sys.modules[__name__].__class__ = rlx.CallablePackage

BOARD = "outputs/board/scoreboard.json"
"""Where a benchmark keeps its scoreboard unless told otherwise: among what git ignores, apart from committed ones."""
