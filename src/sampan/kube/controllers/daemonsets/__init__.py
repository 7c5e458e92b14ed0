"""DaemonSets: a pod on each node that fits."""

from sampan.kube.controllers.daemonsets.controller import controller

__all__ = ["controller"]
