"""sampan explain: why an object of a cluster does not get on."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import program

COMMAND = Command("[OPTIONS] KIND NAME", program("sampan.kube.explain.main"), raw=True)
