"""The objects that a cluster has from its first start."""
