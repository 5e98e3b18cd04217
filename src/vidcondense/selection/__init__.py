"""Coresets: sets made of real clips."""
