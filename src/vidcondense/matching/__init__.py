"""What a synthetic set must match."""
