"""A client of OCI distribution (and Docker registry v2) registries: hosts, credentials, manifests, blobs."""
