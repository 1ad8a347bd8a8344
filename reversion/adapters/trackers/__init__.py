"""Trackers that know the titles of features: one module for each kind, which only reads."""
