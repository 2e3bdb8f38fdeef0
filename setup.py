"""The packages of the distribution: those of ``rlx``, its option files, which lie in ``conf/``, and the sweeper."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["rlx", "rlx.*"]), "rlx.conf", "hydra_plugins.rlx_optuna"])
