"""Exports: a condensed set as files that other programs read."""
