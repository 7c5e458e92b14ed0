"""Deployments: a ReplicaSet for each template that there was, scaled up and down against each other.

What is to be done is decided by pure functions (`plan.py` is where they begin); `controller.py` does it.
"""
