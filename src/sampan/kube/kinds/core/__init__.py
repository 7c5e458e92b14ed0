"""The group without a name, v1."""
