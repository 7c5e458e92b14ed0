"""sampan kube simulate: what a cluster would do with objects, changing nothing."""

from __future__ import annotations

from sampan.cli.flags import Command
from sampan.cli.kube.program import program

COMMAND = Command("[OPTIONS]", program("sampan.kube.simulation.main"), raw=True)
