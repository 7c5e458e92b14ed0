"""Handlers of builds, loaded by the first request for one (later.py)."""
