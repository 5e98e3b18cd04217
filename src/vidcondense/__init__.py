"""vidcondense: make a large video dataset tiny."""

__version__ = "0.1.0"
