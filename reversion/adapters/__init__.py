"""The outside world, one module a world; foreign errors become ours here."""
