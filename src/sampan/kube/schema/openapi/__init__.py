"""The documents of /openapi/v2 and /openapi/v3."""
