"""Building images from Dockerfiles: parse and plan (both pure), solve, export. See docs/building.md."""
