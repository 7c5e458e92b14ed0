"""sampan kube rotate-keys: make a new key, which counts from the next start on."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import command

COMMAND = Command("[OPTIONS]", command("rotate-keys"), raw=True)
