"""A demonstration product: a shop of seven small services, each with a history of its own."""
