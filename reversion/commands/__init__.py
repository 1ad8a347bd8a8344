"""The commands of `reversion`, one module a group, imported only when called."""
