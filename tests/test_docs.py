"""Every flag of sampand and every route of the API stands in docs/ (and nothing that is gone does).

What one part of the tree offers another has a docstring.

`pytest tests/test_docs.py --rewrite-docs` writes the tables anew.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from sampan.builder.frontends.routes import routes as builder_routes
from sampan.engine.api import app
from sampan.engine.daemon.config import OPTIONS

ROOT = Path(__file__).parent.parent


def flags() -> list[str]:
    rows = ["| flag | key | |", "|---|---|---|"]
    for option in OPTIONS:
        flag = f"`-{option.short}`, `--{option.flag}`" if option.short else f"`--{option.flag}`"
        if option.kind.name:
            flag += f" {option.kind.name}"
        key = f"`{option.key}`" if option.key else ""
        reload = "; SIGHUP takes a new value" if option.reload else ""
        rows.append(f"| {flag} | {key} | {option.help.replace('|', ' or ')}{reload} |")
    return rows


def routes() -> list[str]:
    found = {("GET", "/_ping"), ("HEAD", "/_ping"), ("POST", "/sampan/system/stop")}
    a = MagicMock()
    sections = [section.routes(a) for section in app.SECTIONS]
    sections.append(builder_routes(a, paths=a, store=a, images=a, networks=a))
    for route in (route for section in sections for route in section):
        found.add((route.method, re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.path)))
    lines = [f"    {method:6} {path}" for method, path in sorted(found, key=lambda row: (row[1], row[0]))]
    return ["", *lines, ""]


TABLES = [("docs/daemon.md", "flags", flags), ("docs/api.md", "routes", routes)]


@pytest.mark.parametrize(("name", "mark", "wanted"), TABLES, ids=[mark for _, mark, _ in TABLES])
def test_docs_tell_everything(request: pytest.FixtureRequest, name: str, mark: str, wanted: object) -> None:
    assert callable(wanted)
    path = ROOT / name
    text = path.read_text()
    found = re.search(rf"(<!-- {mark}:[^\n]*-->\n)(.*?)(<!-- end -->)", text, re.S)
    assert found, f"{name} has lost its {mark} marks"
    table = "\n".join(wanted()) + "\n"
    if request.config.getoption("--rewrite-docs"):
        path.write_text(text[: found.start(2)] + table + text[found.end(2) :])
        return
    assert found.group(2) == table, f"{name} is not up to date: pytest tests/test_docs.py --rewrite-docs"


def test_links_in_docs_lead_somewhere() -> None:
    missing = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")
    assert missing == []


def test_paths_in_docs_exist() -> None:
    """Of modules and directories: below src/sampan, or the tests' and benchmarks' below the repository."""
    missing = []
    for page in [ROOT / "docs/architecture.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]:
        for path in re.findall(r"`([\w./-]+(?:\.py|/))`", page.read_text()):
            above = ROOT if path.startswith(("tests/", "bench/")) else ROOT / "src/sampan"
            if not (above / path).exists():
                missing.append(f"{page.relative_to(ROOT)}: {path}")
    assert missing == []


def test_every_advisory_names_a_test_that_exists() -> None:
    text = (ROOT / "docs/security.md").read_text()
    table = text.partition("<!-- advisories:")[2].partition("<!-- end -->")[0]
    rows = [line for line in table.splitlines() if line.startswith(("| CVE", "| GHSA"))]
    assert len(rows) > 30
    for row in rows:
        named = re.findall(r"`(\w+\.py)::(\w+)`", row)
        assert named, row
        for file, test in named:
            source = (ROOT / "tests/security" / file).read_text()
            assert f"def {test}(" in source, f"{file}::{test}"


def part_of(module: str) -> str:
    """The room a module is in, as tests/test_imports.py has them."""
    _, first, second, *_ = [*module.split("."), "", ""]
    return f"{first}.{second}" if (first, second) == ("engine", "api") else first


def parsed() -> dict[str, ast.Module]:
    source = ROOT / "src"
    files = (source / "sampan").rglob("*.py")
    names = {file: ".".join(file.relative_to(source).with_suffix("").parts) for file in files}
    return {name.removesuffix(".__init__"): ast.parse(file.read_text()) for file, name in names.items()}


def taken_from_others(module: str, modules: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Every (module, name) below sampan that this one imports, or reads from a module it imports."""
    nodes = list(ast.walk(modules[module]))
    aliases: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sampan":
            for item in node.names:
                whole = f"{node.module}.{item.name}"
                if whole in modules:
                    aliases[item.asname or item.name] = whole
                else:
                    yield node.module, item.name
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield aliases[node.value.id], node.attr


def test_what_other_parts_call_has_a_docstring() -> None:
    modules = parsed()
    shared = {
        (owner, name)
        for module in modules
        for owner, name in taken_from_others(module, modules)
        if part_of(owner) != part_of(module)
    }
    assert ("sampan.paths", "Paths") in shared and ("sampan.linux.mount", "unmount") in shared
    missing = [
        f"{module}:{node.lineno} {node.name}"
        for module, tree in sorted(modules.items())
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and (module, node.name) in shared
        and not ast.get_docstring(node)
    ]
    assert not missing, "used by another part and without a docstring:\n" + "\n".join(missing)
