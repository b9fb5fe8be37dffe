"""A loop is `tick(now)` and the time of the next."""
