"""From a Plan to snapshots: scheduling, cache keys, progress of every step."""
