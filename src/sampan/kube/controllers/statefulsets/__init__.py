"""StatefulSets: pods with names, storage and an order of their own."""

from sampan.kube.controllers.statefulsets.controller import controller

__all__ = ["controller"]
