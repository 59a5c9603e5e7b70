"""Adapters for other frameworks; each is imported by its own name only."""
