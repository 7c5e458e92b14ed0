"""apiextensions.k8s.io: definitions of custom resources, and the resources they define."""
