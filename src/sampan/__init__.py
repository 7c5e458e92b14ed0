"""Sampan: a container platform. See docs/architecture.md."""

__version__ = "0.1.0"
