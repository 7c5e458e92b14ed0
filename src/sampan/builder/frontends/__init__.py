"""The ways to ask for a build: the classic API, BuildKit's, and that of `sampan build`."""
