"""The registry's HTTP endpoints, a module per section of the specification."""
