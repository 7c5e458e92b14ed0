"""The functions of CEL and of Kubernetes' libraries, a module per library; each ends with its OVERLOADS."""
