"""BuildKit's messages and those of the sessions that its clients hold, as tables."""
