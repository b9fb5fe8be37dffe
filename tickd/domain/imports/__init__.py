"""Imports: what other services know of an account, as a manifest, and what became of each part of it."""
