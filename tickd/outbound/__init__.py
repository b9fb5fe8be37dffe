"""The only sockets to others."""
