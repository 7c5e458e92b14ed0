"""The frames of a watch in the forms that need encoding: WatchEvent, one after the other.

JSON has a line for each; protobuf a length of four bytes before each; YAML documents.
"""

from typing import Any

import orjson

from sampan.kube.api.encoded import fitted
from sampan.kube.api.negotiation import PROTOBUF, YAML
from sampan.kube.schema import protobuf, yamltext


def frame(media: str, kind: str, value: Any) -> bytes:
    """One event of `kind` (ADDED, BOOKMARK, ...)."""
    if media == PROTOBUF:
        return protobuf.encode_event(kind, value)
    event = {"type": kind, "object": value}
    if media == YAML:
        return b"---\n" + yamltext.dump(event)
    return fitted(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
