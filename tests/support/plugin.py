"""Fixtures used by more than one part's tests."""
