"""HorizontalPodAutoscalers: as many replicas as what is measured asks for."""

from sampan.kube.controllers.autoscaling.controller import controller

__all__ = ["controller"]
