"""sampan kube status: say whether a cluster runs, and where."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("status"), raw=True)
