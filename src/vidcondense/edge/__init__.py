"""Trained networks as files that run without this package: torch.export and ONNX, and what they are worth."""
