"""The classic builder's API, as docker-py and DOCKER_BUILDKIT=0 use it, on our own builder."""
