"""ReplicaSets, and ReplicationControllers, which are the same under an older name."""
