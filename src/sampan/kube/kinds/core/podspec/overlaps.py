"""Files of one volume that get into each other's way: the same path, or one below the other."""

from collections.abc import Iterable, Iterator, Sequence

from sampan.kube.kinds.resource import Object
from sampan.specs.golang.quote import quote


def overlap_warnings(volumes: Sequence[Object]) -> Iterator[str]:
    for volume in volumes:
        name = quote(volume.get("name", ""))
        for kind, shown, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if (source := volume.get(kind)) is not None and source.get("items") is not None:
                what = f"volume {name} ({shown} {quote(source.get(key, ''))}): overlapping paths"
                yield from _clashes(_paths(source), what)
        if (source := volume.get("downwardAPI")) is not None:
            yield from _clashes(_paths(source), f"volume {name} (DownwardAPI): overlapping paths")
        if (source := volume.get("projected")) is not None:
            yield from _projected(source.get("sources") or (), name)


def _paths(source: Object) -> list[str]:
    return [item.get("path", "") for item in source.get("items") or ()]


def _projected(sources: Sequence[Object], name: str) -> Iterator[str]:
    taken: set[str] = set()
    for source in sources:
        if all(value is None for value in source.values()):
            yield f"volume {name} (Projected) has no sources provided"
            continue
        what, paths = _projection(source)
        if not paths:
            continue
        message = f"volume {name} (Projected {what}): overlapping paths"
        yield from _clashes(paths, message)
        yield from _clashes(sorted([*set(paths), *taken]), message)
        taken.update(paths)


def _projection(source: Object) -> tuple[str, list[str]]:
    for kind, shown in (("configMap", "ConfigMap"), ("secret", "Secret"), ("downwardAPI", "DownwardAPI")):
        one = source.get(kind)
        if one is not None and one.get("items"):
            name = "" if kind == "downwardAPI" else f" {quote(one.get('name', ''))}"
            return f"{shown}{name}", _paths(one)
    if (token := source.get("serviceAccountToken")) is not None:
        return "ServiceAccountToken", [token.get("path", "")]
    return "", []


def _clashes(paths: Iterable[str], message: str) -> Iterator[str]:
    seen: dict[str, None] = {}
    for path in paths:
        path = path.rstrip("/")
        if clash := _clash(seen, path):
            yield f"{message}: {quote(path)} with {quote(clash)}"
        seen[path] = None


def _clash(seen: Iterable[str], path: str) -> str:
    for other in seen:
        if not other or not path:
            return ""
        # Not quite "below": upstream compares beginnings of texts.
        if other == path or f"{other}/".startswith(path) or f"{path}/".startswith(other):
            return other
    return ""
