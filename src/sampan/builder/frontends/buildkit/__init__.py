"""BuildKit's services, for buildx and other clients of it. Loaded when the first of them calls."""
