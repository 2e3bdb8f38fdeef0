"""differentiable_market: GRPO on allocation paths sampled from a Dirichlet policy."""
