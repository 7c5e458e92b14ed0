"""sampan kube down: stop the cluster; its objects stay."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("down"), raw=True)
