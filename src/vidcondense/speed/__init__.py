"""How fast this machine works: rates, and the share of its arithmetic that they use."""
