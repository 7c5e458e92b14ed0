"""sampan kube reset: remove the cluster and all its objects."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("reset"), raw=True)
