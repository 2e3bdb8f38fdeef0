"""The top floor: commands that put data, simulator, learner and judge together."""
