"""An image whose programs attack: the suite's base image with the host's own Python in it, at its own path.

Python speaks every system call through ctypes, so no compiler is needed; and at the same path as on the host
it works as well for an interpreter that is reached through /proc/self/exe.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.support import rootfs

_MODULES = "os site ctypes struct errno json time fcntl socket select signal stat resource array typing"
_LIST = f"""
import sys
for name in {_MODULES.split()!r} + ["encodings.ascii", "encodings.latin_1", "encodings.idna"]:
    __import__(name)
for module in list(sys.modules.values()):
    if getattr(module, "__file__", None):
        print(module.__file__)
"""
PYTHON = "/bin/python"


def interpreter() -> Path:
    return Path(os.path.realpath(sys.executable))


def image(files: dict[str, bytes]) -> bytes:
    """A root file system with the given executable files, as `docker import` takes it."""
    return rootfs.tar({**_python(), **files})


def settings() -> list[str]:
    """Changes of the imported image: our Python is found wherever its program is seen to be."""
    return [f"ENV PYTHONHOME={sys.base_prefix}", "ENV PYTHONDONTWRITEBYTECODE=1", 'CMD ["sh"]']


def _python() -> dict[str, bytes]:
    program = str(interpreter())
    environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
    listed = subprocess.run(
        [program, "-S", "-c", _LIST], capture_output=True, text=True, check=True, env=environment
    )
    modules = set(listed.stdout.split())
    # The landmark by which Python knows its directories, frozen modules or not; Modules/getpath.py.
    modules.add(os.__file__)
    extensions = [path for path in modules if path.endswith(".so")]
    wanted = {*modules, *_libraries([program, *extensions])}
    found = {path: Path(path).read_bytes() for path in wanted}
    return {**found, PYTHON: interpreter().read_bytes()}


def _libraries(programs: Iterable[str]) -> set[str]:
    """Shared libraries by the paths at which they are looked for; ldd(1)."""
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?:=> |^\s)(/\S+) \(0x", listed, re.M))
