"""Reversion: take one environment, and only that one, back to a stable snapshot."""

__version__ = "0.1.0"
