"""Volumes, and what a container's mounts are made of."""
