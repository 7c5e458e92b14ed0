"""Which nodes a pod can be on, a module per plugin of kube-scheduler, named and worded as upstream's."""
