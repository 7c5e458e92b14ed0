"""sampan kube: a Kubernetes cluster."""
