"""Whether nodes are alive, and what follows for what runs on them: kube-controller-manager's
node-lifecycle-controller.
"""
