"""How a synthetic set is represented: parameters that render to videos."""
