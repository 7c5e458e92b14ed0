"""What the launcher loads, which every shim carries along."""

import json
import subprocess
import sys

import pytest

from sampan.runtime.jsontext import decode, encode

LOAD = """
import sys
sys.path[:0] = sys.argv[2].split(":")
from sampan.runtime import launcher, shim, tasks
from sampan.runtime.jsontext import decode
from sampan.linux import bpf
print(" ".join(name for name in sys.argv[1].split() if name in sys.modules))
for text in (b"", b"{", b'{"a": }', b"nope", b'{"a": "b'):
    try:
        decode(text)
    except ValueError:
        continue
    raise SystemExit(f"took {text!r}")
"""
HEAVY = "re enum json json.decoder socket signal selectors collections functools dataclasses typing asyncio"


def test_the_launcher_loads_no_heavy_modules_and_refuses_bad_json_without_them() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", LOAD, HEAVY, ":".join(sys.path)],
        capture_output=True,
        text=True,
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("", "", 0)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": [1, -2, 1.5, None, True, False]},
        {'ä\n"': "🚣"},
        [float("inf"), -float("inf")],
        1 << 70,
    ],
)
def test_values_survive_both_ways_of_writing(value: object) -> None:
    assert decode(encode(value)) == value
    assert json.loads(encode(value)) == value
    assert decode(json.dumps(value, separators=(",", ":")).encode()) == value
