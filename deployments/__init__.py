"""How it is run: deployments, work pool, limits, automations and server settings."""
