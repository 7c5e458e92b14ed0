"""The Common Expression Language as Kubernetes 1.35 has it: compiled once, evaluated within a budget."""
