"""Checks that your own components meet the requirements of rlx, for use in any test suite.

    from rlx.testing import check_policy
    def test_my_policy() -> None:
        check_policy(MyPolicy())

Each raises AssertionError with the requirement and the finding. The components of rlx pass them all.
"""

from rlx.testing.features import check_feature
from rlx.testing.forecasters import check_forecaster
from rlx.testing.learners import check_learner, check_learns
from rlx.testing.metrics import check_metric
from rlx.testing.policies import check_policy
from rlx.testing.protocols import check_protocol

__all__ = [
    "check_feature",
    "check_forecaster",
    "check_learner",
    "check_learns",
    "check_metric",
    "check_policy",
    "check_protocol",
]
