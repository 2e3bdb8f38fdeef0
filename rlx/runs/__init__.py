"""How a run was made, and the sweep and its study that it is a trial of."""
