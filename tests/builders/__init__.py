"""Builders of everything that the tests talk about."""
