"""What a step's result depends on, as named components, and the key they make. Pure.

A component is a name and a short text, so that --explain can say which one changed. Neither time, host nor
path is among them; secrets are by their ids only. Names: `kind`, `instruction.*`, `variable.<NAME>`, `base`,
`mount.<n>`, `action.<n>`, `files.<n>`, ...
"""

import hashlib
from collections.abc import Mapping, Sequence

import orjson

from sampan.builder.plan.graph import Action, Copy, Files, Run, RunMount, Step, WriteFile

Components = dict[str, str]


def key_of(components: Mapping[str, str]) -> str:
    return hashlib.sha256(orjson.dumps(dict(components), option=orjson.OPT_SORT_KEYS)).hexdigest()


def snapshot_id(layers: Sequence[str]) -> str:
    """A file system by its content: equal layers, equal id, no matter how they were made."""
    return hashlib.sha256("\n".join(layers).encode()).hexdigest()


def definition(step: Step, hosts: Sequence[str] = ()) -> Components:
    """What the step's own words say; `hosts`: the names of --add-host."""
    operation = step.operation
    if isinstance(operation, Run):
        return run_definition(operation, step, hosts)
    assert isinstance(operation, Files)
    return files_definition(operation, step)


def run_definition(run: Run, step: Step, hosts: Sequence[str]) -> Components:
    found: Components = {"kind": "run", "epoch": str(step.epoch), "platform": step.platform}
    found["command"] = _text(run.args)
    found["directory"] = run.cwd
    for variable in run.env:
        name, _, value = variable.partition("=")
        found[f"variable.{name}"] = value
    for number, mount in enumerate(run.mounts):
        found[f"mount.{number}"] = _mount(mount)
    optional = {
        "user": run.user,
        "network": "" if run.network == "default" else run.network,
        "security": "insecure" if run.insecure else "",
        "stdin": "" if run.stdin is None else hashlib.sha256(run.stdin).hexdigest(),
        "hostname": run.hostname,
        # As BuildKit: which names there are counts, what they lead to does not.
        "hosts": ",".join(sorted(hosts)),
    }
    return found | {name: value for name, value in optional.items() if value}


def _mount(mount: RunMount) -> str:
    # Secrets and agents are what may differ between machines: their values are in no key.
    fields = {name: getattr(mount, name) for name in RunMount.__dataclass_fields__ if name != "input"}
    return _text({name: value for name, value in fields.items() if value})


def files_definition(files: Files, step: Step) -> Components:
    found: Components = {"kind": "files", "epoch": str(step.epoch)}
    for number, action in enumerate(files.actions):
        found[f"action.{number}"] = _action(action)
    return found


def _action(action: Action) -> str:
    fields = {name: getattr(action, name) for name in type(action).__dataclass_fields__ if name != "input"}
    if isinstance(action, WriteFile):
        fields["data"] = hashlib.sha256(action.data).hexdigest()
    if isinstance(action, Copy):
        # Which names were taken is in the digest of the files: a wildcard that finds the same is the same.
        del fields["required"]
    return _text({"do": type(action).__name__, **{name: value for name, value in fields.items() if value}})


def _text(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def copies(files: Files) -> dict[int, Copy]:
    """The actions that take from an input, by number."""
    return {number: action for number, action in enumerate(files.actions) if isinstance(action, Copy)}


def binds(run: Run) -> dict[int, RunMount]:
    """The mounts whose files the program can see, by number. A cache mount's beginning is not part of a
    key.
    """
    return {
        number: mount
        for number, mount in enumerate(run.mounts)
        if mount.type == "bind" and mount.input is not None
    }
