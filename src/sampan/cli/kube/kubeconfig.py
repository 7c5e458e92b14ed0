"""sampan kube kubeconfig: print the configuration that kubectl and helm need."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("kubeconfig"), raw=True)
