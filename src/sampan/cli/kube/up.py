"""sampan kube up: start a cluster."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("up"), raw=True)
