"""Bytes: how a synthetic set is written, read, and counted."""
