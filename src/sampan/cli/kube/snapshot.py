"""sampan kube snapshot: save all objects to a file, or put them back."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("snapshot"), raw=True)
