"""What solving calls: the steps of one build, executed on this engine."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sampan.engine.builder.execute.cachemounts import CacheMounts, MountRecord
from sampan.engine.builder.execute.files import Job, Taken, layer_tar
from sampan.engine.builder.execute.parts import Parts
from sampan.engine.builder.execute.run import Output, RunFailed, Runner
from sampan.engine.builder.execute.scan import Digests, scan
from sampan.engine.builder.execute.stack import Stack
from sampan.engine.builder.execute.whole import snapshot_tar
from sampan.engine.builder.graph import Action, Run
from sampan.engine.builder.options import BuildOptions
from sampan.engine.builder.requester import Requester
from sampan.engine.builder.trees import Snapshot, Tree
from sampan.engine.images.feed import pieces
from sampan.engine.images.ingest import add_local_layer, uncancelled
from sampan.engine.images.store import Staging
from sampan.images.unpack import unpack

__all__ = ["Execution", "Executor", "MountRecord", "Output", "RunFailed", "Taken"]
