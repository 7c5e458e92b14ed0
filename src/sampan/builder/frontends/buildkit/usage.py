"""Cache records as the messages of DiskUsage, Prune. Pure."""

from typing import Any

from sampan.builder.frontends.buildkit.status import set_time, text
from sampan.engine.buildcache.usage import Usage
from sampan.specs.buildkit.schema import schema


def record(usage: Usage) -> Any:
    row = schema().message("moby.buildkit.v1.UsageRecord")(
        ID=usage.id,
        Mutable=usage.mutable,
        InUse=usage.in_use,
        Size=usage.size,
        Parent=usage.parents[0] if len(usage.parents) == 1 else "",
        UsageCount=usage.uses,
        Description=text(usage.description),
        RecordType=usage.type,
        Shared=usage.shared,
        Parents=usage.parents,
    )
    set_time(row.CreatedAt, usage.created)
    if usage.last_used:
        set_time(row.LastUsedAt, usage.last_used)
    return row
