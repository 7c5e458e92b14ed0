"""Imports point down: docs/architecture.md, "Code map and the one direction of imports"."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import sampan

ROOT = Path(sampan.__file__).parent
FOUNDATIONS = {"specs", "errors", "paths", "interpreter", "tasks", "db", "http", ""}

# part -> parts it may import besides itself.
ALLOWED = {
    "cli": {"specs", "errors", "paths", "interpreter", "http", ""},
    "builder": {"engine", "images", "runtime", "storage", "network", "linux"} | FOUNDATIONS,
    "engine.api": {"engine", "images", "runtime", "storage", "network", "linux"} | FOUNDATIONS,
    "engine": {"images", "runtime", "storage", "network", "linux"} | FOUNDATIONS,
    "images": {"linux"} | FOUNDATIONS,
    "registry": {"specs", "errors", "tasks", "db", "http", ""},
    "kube": {""},
    "kube.__main__": {"kube.cluster"},
    "kube.cluster": {"errors", "interpreter", "paths", ""},
    "kube.api": {"kube", "kube.access", "kube.kinds", "kube.pki", "kube.schema", "kube.store"} | FOUNDATIONS,
    "kube.access": {"kube", "kube.kinds", "kube.pki", "kube.schema"} | FOUNDATIONS,
    "kube.kinds": {"kube", "kube.schema", "specs", "errors", ""},
    "kube.schema": {"kube", "specs", "errors", ""},
    "kube.store": {"kube"} | FOUNDATIONS,
    "kube.client": {"kube"} | FOUNDATIONS,
    "kube.simulation": {"kube", "kube.client", "kube.controllers", "kube.scheduler", "kube.schema"}
    | FOUNDATIONS,
    "kube.explain": {"kube", "kube.client"} | FOUNDATIONS,
    "kube.scheduler": {"kube", "kube.client", "kube.schema"} | FOUNDATIONS,
    "kube.controllers": {"kube", "kube.client", "kube.pki", "kube.scheduler"} | FOUNDATIONS,
    "kube.pki": {"kube"} | FOUNDATIONS,
    "runtime": {"linux"} | FOUNDATIONS,
    "storage": {"linux"} | FOUNDATIONS,
    "network": {"linux"} | FOUNDATIONS,
    "linux": {"errors", ""},
    "specs": {"errors", ""},
    "db": {"errors", "paths", ""},
    "http": {"errors", "specs", "tasks", ""},
    "paths": {"errors", ""},
    "interpreter": {""},
    "tasks": {""},
    "errors": {""},
    "": {"errors"},
}

# The daemon puts the builder and the API on top of the engine: no other module of the engine may know them.
ASSEMBLY = {"sampan.engine.daemon.daemon", "sampan.engine.daemon.serve"}

# Parts whose circles of imports have not been taken apart yet.
UNTANGLED_LATER: set[str] = set()

# What the launcher's side of the fork may load: everything these bring along, and Sampan's own light modules.
LIGHT = [
    "os",
    "sys",
    "errno",
    "ctypes",
    "struct",
    "socket",
    "select",
    "selectors",
    "signal",
    "json",
    "time",
    "fcntl",
    "termios",
    "tty",
    "stat",
    "resource",
    "base64",
    "binascii",
    "collections",
    "array",
    "gc",
    "pwd",
    "grp",
    "math",
    "functools",
    "itertools",
    "operator",
    "types",
    "enum",
    "zlib",
    "heapq",
    "__future__",
]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def part_of(module: str) -> str:
    inside = module.split(".")[1:]
    if inside[:2] == ["engine", "api"]:
        return "engine.api"
    if inside[:1] == ["kube"]:
        return ".".join(inside[:2])
    return inside[0] if inside else ""


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """Every sampan module that `module` names in an import, wherever in the file it stands."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:  # `from sampan import errors` imports sampan.errors
                whole = f"{base}.{alias.name}"
                yield (whole if is_module(whole) else base), node.lineno


def dependencies(module: str, path: Path) -> set[str]:
    """What `module` names, and the packages around that (not those around `module`, which have begun)."""
    found = set()
    for name, _ in imports(module, path):
        parts = name.split(".")
        found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    around = {module[:at] for at in range(len(module)) if module[at] == "."}
    return {name for name in found - around - {module} if name.split(".")[0] == "sampan"}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Sets of modules each of which leads to each other (Tarjan's strongly connected components)."""
    numbers: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(module: str) -> int:
        number = lowest = numbers[module] = len(numbers)
        stack.append(module)
        for other in graph[module]:
            if other not in numbers:
                lowest = min(lowest, visit(other))
            elif other in stack:
                lowest = min(lowest, numbers[other])
        if lowest == number:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]
        return lowest

    for module in graph:
        if module not in numbers:
            visit(module)
    return found


def is_module(name: str) -> bool:
    path = ROOT.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def test_imports_point_down() -> None:
    wrong = []
    for module, path in modules():
        part = part_of(module)
        assert part in ALLOWED, f"{module}: a part that docs/architecture.md does not know"
        for name, line in imports(module, path):
            if name.split(".")[0] != "sampan" or part_of(name) == part or module in ASSEMBLY:
                continue
            if part_of(name) not in ALLOWED[part]:
                wrong.append(f"{path.relative_to(ROOT.parent)}:{line} imports {name}")
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """At their head, inside of a function or for their types only: no circle of either kind."""
    graph = {module: dependencies(module, path) for module, path in modules()}
    found = [circle for circle in circles(graph) if not {part_of(name) for name in circle} <= UNTANGLED_LATER]
    assert found == []


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str](), "e": {"a", "f"}, "f": {"e"}}
    assert circles(graph) == [["b", "c"], ["e", "f"]]


def test_the_dependencies_are_the_packages_that_are_imported() -> None:
    """And not those which come with another one, until that needs them no more."""
    tops = {top for _, path in modules() for top in foreign(path)}
    projects = {project.lower() for top in tops for project in packages_distributions().get(top, [top])}
    declared = tomllib.loads((ROOT.parent.parent / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[^\w-]", line)[0].lower() for line in declared} == projects


def foreign(path: Path) -> Iterator[str]:
    """Packages that are neither Sampan's nor Python's own."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        tops = {name.split(".")[0] for name in names}
        yield from tops - sys.stdlib_module_names - {"sampan"}


@pytest.mark.parametrize(
    "module",
    [
        f"sampan.runtime.{name}"
        for name in ("launcher", "shim", "init")
        if is_module(f"sampan.runtime.{name}")
    ],
)
def test_the_launchers_side_of_the_fork_loads_nothing_heavy(module: str) -> None:
    program = (
        "import sys, json, importlib\n"
        f"for name in {LIGHT!r}: importlib.import_module(name)\n"
        "before = set(sys.modules)\n"
        f"importlib.import_module({module!r})\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    heavy = [name for name in loaded if name.split(".")[0] != "sampan"]
    assert heavy == [], f"{module} loads {heavy}"
    light = {"runtime", "linux", "specs", "errors", "interpreter", ""}
    assert [name for name in loaded if part_of(name) not in light] == []


def test_the_daemon_starts_the_launcher_before_it_loads_anything_heavy() -> None:
    """Importing the daemon's module must load no more than the launcher needs."""
    if not is_module("sampan.engine.daemon.daemon"):
        pytest.skip("no daemon yet")
    program = "import sys, json, sampan.engine.daemon.daemon\nprint(json.dumps(sorted(sys.modules)))\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    heavy = {"asyncio", "aiohttp", "orjson", "sqlite3", "logging", "subprocess", "dataclasses", "typing"}
    assert sorted(heavy & set(json.loads(done.stdout))) == []
