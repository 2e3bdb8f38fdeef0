"""A policy's inputs and outputs: observations, their encoding, and the head that turns actions into weights."""
