"""What a real server has answered is what Go writes: decoding it changes nothing."""

import collections

from sampan.kube.schema import builtin, decoding
from tests.kube.schema import golden


@golden.needed
def test_what_go_wrote_comes_back_unchanged() -> None:
    kinds = collections.Counter[str]()
    for file, definition, sent in golden.objects():
        if "v1.Status" in definition:
            continue
        decoded = decoding.decode(builtin.node(definition), sent)
        assert decoded.unknown == [], file
        assert decoded.object == sent, file
        kinds[definition] += 1
    assert len(kinds) > 50
