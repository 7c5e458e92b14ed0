"""Command lines that start this interpreter again with a module of ours, and nobody else's code.

`python -m` looks for modules in the current directory first: a tomllib.py there would run, as root as a rule.
With -I neither that, nor PYTHON* variables, nor a user's site-packages count (python(1); -P alone would leave
the last two). It still reads pyvenv.cfg and .pth files, so virtual environments are as they were.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Where our package is in no site-packages (a checkout, PYTHONPATH, a user's own), an isolated interpreter has
# to be told: behind the standard library's zip, files and extensions, so that it cannot stand in for that.
_START = (
    "import runpy, sys; sys.path.insert(3, sys.argv[1]); module = sys.argv[2]; del sys.argv[1:3]; "
    "runpy.run_module(module, run_name='__main__', alter_sys=True)"
)


def isolated(module: str, *args: str) -> list[str]:
    """The command that runs one of our modules as a program, the same code that runs here."""
    import site  # not for those who call `bare`: they count what they load

    if HOME in site.getsitepackages():
        return [sys.executable, "-I", "-m", module, *args]
    return [sys.executable, "-I", "-c", _START, HOME, module, *args]


def bare(statement: str, *args: str) -> list[str]:
    """The command that runs a statement with the standard library and our package, and no site-packages."""
    start = f"import sys; sys.path.append(sys.argv.pop(1)); {statement}"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", start, HOME, *args]


# For processes that make long answers now and then: glibc would learn from the first of 20 MB to keep twice
# as much for the next. Lower bounds give more back, but a list of 5,000 pods is 7 MB, and asking the kernel
# for that anew each time costs 30 ms (76 instead of 44): an API server with 5,000 pods weighs 169 MB with
# these, and 143 with 512 KB. mallopt(3)
GIVING_BACK = {"MALLOC_MMAP_THRESHOLD_": "16777216", "MALLOC_TRIM_THRESHOLD_": "16777216"}


def plain_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what would make an interpreter that is no child of `isolated` run other code."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}
