"""The cluster: an API server, controllers and a scheduler, a node agent. docs/kubernetes.md draws it."""
