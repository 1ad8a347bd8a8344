"""Each step, retried and named."""
