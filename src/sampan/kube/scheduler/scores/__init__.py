"""Which nodes are better than others, a module per plugin of kube-scheduler, in integers as upstream's."""
