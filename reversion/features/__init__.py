"""Features: which are there at a set of versions, and what changes between two sets. Pure."""
