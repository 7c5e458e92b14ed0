"""Programs of ours run our code, wherever they are started and whatever the environment says."""

import os
import re
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sampan
from sampan import interpreter
from sampan.cli import daemon
from sampan.interpreter import isolated, plain_environment

# What our programs import from the standard library, what Python itself looks for, and our own name.
NAMES = ("tomllib", "json", "argparse", "logging", "runpy", "sampan", "sitecustomize", "usercustomize")


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """A directory whose modules leave a mark when they run."""
    directory = tmp_path / "trap"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for place in (directory, directory / "base" / "lib" / version / "site-packages"):
        place.mkdir(parents=True)
        for name in NAMES:
            (place / f"{name}.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'a').write({name!r})")
        (place / "hostile.pth").write_text(f"import os; open({str(tmp_path / 'mark')!r}, 'a').write('pth')")
    yield directory
    assert not (tmp_path / "mark").exists(), (tmp_path / "mark").read_text()


def program(name: str) -> str:
    installed = Path(sys.executable).with_name(name)
    if not installed.exists():
        pytest.skip(f"{name} is not installed beside this interpreter")
    return str(installed)


@pytest.mark.parametrize(
    "words", [["sampan", "registry", "serve", "--help"], ["sampan", "--version"]], ids=" ".join
)
def test_the_current_directory_has_no_say(trap: Path, words: list[str]) -> None:
    clean = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [program(words[0]), *words[1:]], cwd=trap, env=clean, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_sampand_does_not_look_there_either(trap: Path) -> None:
    clean = {"PATH": os.environ["PATH"]}
    command = [program("sampand"), "--help"]
    done = subprocess.run(command, cwd=trap, env=clean, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def hostile(trap: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{trap}:",  # the empty entry is the current directory
        "PYTHONHOME": str(trap),
        "PYTHONUSERBASE": str(trap / "base"),
        "PYTHONSTARTUP": str(trap / "json.py"),
        "HOME": str(trap),
    }


@pytest.mark.parametrize("installed", [True, False], ids=["in site-packages", "elsewhere"])
def test_nor_has_the_environment(trap: Path, monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    if installed:
        # What it is like is found out by an interpreter that is told nothing: as here, by a .pth file.
        monkeypatch.setattr(interpreter, "HOME", site.getsitepackages()[0])
    command = isolated("sampan.registry", "serve", "--help")
    done = subprocess.run(command, cwd=trap, env=hostile(trap), capture_output=True, text=True, timeout=60)
    if installed and "No module named" in done.stderr:
        pytest.skip("this is a checkout that is not installed")
    assert done.returncode == 0, done.stderr
    assert "Serve a registry" in done.stdout


def test_the_same_code_runs_from_a_checkout() -> None:
    command = isolated("sampan.registry", "serve", "--help")
    assert command[1] == "-I"
    shown = "import sampan; print(sampan.__file__)"
    start = command[: command.index("sampan.registry")]
    if start[2] == "-c":
        start[3] = start[3].partition("module =")[0] + shown
        done = subprocess.run(start, cwd="/", capture_output=True, text=True, timeout=60)
        assert done.stdout.strip() == sampan.__file__


def test_an_engine_is_started_without_the_callers_python() -> None:
    assert plain_environment({"PYTHONPATH": "x", "PYTHONHOME": "", "PATH": "y"}) == {"PATH": "y"}


def test_sampand_is_not_looked_for_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for directory in ("here", "there"):
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "sampand").write_text("")
        (tmp_path / directory / "sampand").chmod(0o755)
    monkeypatch.setattr(sys, "argv", ["/nowhere/sampan"])
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", f":.:../here:{tmp_path}/there")
    monkeypatch.chdir(tmp_path / "here")
    assert daemon.find_program() == f"{tmp_path}/there/sampand"


def test_nothing_else_starts_an_interpreter() -> None:
    root = Path(sampan.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"sys\.executable,|spawn.*sys\.executable|exec.*sys\.executable", path.read_text())
    }
    assert found == {"interpreter.py"}
