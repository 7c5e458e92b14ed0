"""How the tables of default roles are written.

    name
      verbs groups resources [names]
      verbs paths

Lists have commas, `-` is the group without a name, a line that is indented further goes on with the one
before. `read`, `write` and `all` stand for the usual verbs, `events` alone for whoever writes events.
"""

from sampan.kube.kinds.resource import Object

_VERBS = {
    "read": "get,list,watch",
    "write": "create,delete,deletecollection,patch,update",
    "all": "create,delete,deletecollection,get,list,patch,update,watch",
}
_EVENTS = "create,patch,update -,events.k8s.io events"


def parse(table: str) -> dict[str, list[Object]]:
    """The rules of each role of a table, by its name."""
    roles: dict[str, list[Object]] = {}
    name = ""
    for line in table.replace(",\n      ", ",").splitlines():
        if line.startswith("  "):
            roles[name].append(_rule(line.strip()))
        elif line:
            name = line
            roles[name] = []
    return roles


def _rule(text: str) -> Object:
    words = (_EVENTS if text == "events" else text).split(" ")
    verbs = _VERBS.get(words[0], words[0]).split(",")
    if len(words) == 2:
        return {"verbs": verbs, "nonResourceURLs": words[1].split(",")}
    groups = ["" if group == "-" else group for group in words[1].split(",")]
    rule: Object = {"verbs": verbs, "apiGroups": groups, "resources": words[2].split(",")}
    if len(words) == 4:
        rule["resourceNames"] = words[3].split(",")
    return rule
