"""One use case per function; the only layer that combines domain, store and outbound."""
