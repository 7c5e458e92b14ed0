"""What the engine itself tells and decides of the build cache: sizes, filters, and daemon.json's policies."""
