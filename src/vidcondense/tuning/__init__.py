"""Choosing options by grouped cross-validation on the training clips."""
