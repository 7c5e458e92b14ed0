"""Builds asked for through our own API (POST /sampan/builds): `sampan build`. docs/api.md, "A build"."""
