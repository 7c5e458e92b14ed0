"""PodDisruptionBudgets: how many pods may be taken away at the moment."""

from sampan.kube.controllers.disruption.controller import controller

__all__ = ["controller"]
