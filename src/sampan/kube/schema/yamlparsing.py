"""Bodies in YAML, as sigs.k8s.io/yaml reads them: the first document, as the JSON value it stands for.

PyYAML's C parser is libyaml, of which Go's is a translation, so that what is wrong with a text is said in the
same words. What scalars mean is Go's here: YAML 1.1 without sexagesimal numbers, times are texts.
https://github.com/yaml/go-yaml, resolve.go and decode.go of v2
"""

from typing import Any

import yaml

from sampan.kube.schema.parsing import MOST_DUPLICATES, DecodeError, check_header
from sampan.specs.golang.yamlscalars import resolve

DEEPEST = 250  # levels; nothing that is served has a tenth of that
# Values that aliases may stand for: so many, or fewer than a tenth of a long document.
MOST_VALUES = 400_000
FEW_ALIASED = 1_000


def parse_yaml(data: bytes) -> tuple[Any, list[str]]:
    """The first document, and what is there twice; as parse_json. Raises DecodeError."""
    value, duplicates = read_yaml(data)
    check_header(value)
    return ({} if value is None else value), duplicates


def read_yaml(data: bytes) -> tuple[Any, list[str]]:
    """The same of any value."""
    reader = _Reader(data)
    try:
        loader = _Loader(data)
        node = loader.get_node() if loader.check_node() else None
        return (None if node is None else reader.value(node, ())), reader.strict()
    except yaml.composer.ComposerError as error:
        name = reader.name_at(error.problem_mark)
        raise DecodeError(f"yaml: unknown anchor '{name}' referenced") from None
    except yaml.MarkedYAMLError as error:
        raise DecodeError(f"yaml: {_message(error)}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise DecodeError(f"yaml: {getattr(error, 'reason', None) or error}") from None
    except RecursionError:
        raise DecodeError("yaml: exceeded max depth") from None


class _Loader(yaml.cyaml.CParser):  # type: ignore[misc,name-defined]  # not in the stubs
    """Leaves tags as they were written; "" where there is none."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return ""

    def descend_resolver(self, current: Any, index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


class _Reader:
    """Counts what it makes: a few hundred bytes of aliases could stand for gigabytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.duplicates: list[str] = []
        self.made = 0
        self.aliased = 0
        self.seen: set[int] = set()

    def strict(self) -> list[str]:
        """What is there twice, as the strict reader says it: one error of many lines."""
        return ["\n  ".join(["yaml: unmarshal errors:", *self.duplicates])] if self.duplicates else []

    def value(self, node: Any, around: tuple[Any, ...]) -> Any:
        self._count(node)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if any(node is one for one in around):
            raise DecodeError(f"yaml: anchor '{self.name_at(node.start_mark)}' value contains itself")
        if len(around) > DEEPEST:
            raise DecodeError("yaml: exceeded max depth")
        inside = (*around, node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, inside) for one in node.value]
        return self._mapping(node, inside)

    def _count(self, node: Any) -> None:
        self.made += 1
        if id(node) in self.seen:
            self.aliased += 1
        self.seen.add(id(node))
        if self.made > MOST_VALUES or (self.aliased > FEW_ALIASED and self.aliased * 10 > self.made * 9):
            raise DecodeError("yaml: document contains excessive aliasing")

    def _mapping(self, node: Any, inside: tuple[Any, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Any] = []
        for key_node, value_node in node.value:
            if _merges(key_node):
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = _key(self.value(key_node, inside))
            if key in found and len(self.duplicates) < MOST_DUPLICATES:
                line = value_node.start_mark.line + 1
                self.duplicates.append(f'line {line}: key "{key}" already set in map')
            found[key] = self.value(value_node, inside)
        for each in merged:
            if not isinstance(each, yaml.MappingNode):
                raise DecodeError("yaml: map merge requires map or sequence of maps as the value")
            found = self.value(each, inside) | found
        return found

    def name_at(self, mark: Any) -> str:
        """Of the anchor or alias that stands there in the text."""
        name = self.data.decode("utf-8", "replace")[mark.index + 1 :].split(maxsplit=1)[:1]
        return name[0].rstrip(",[]{}") if name else ""


def _merges(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and not node.style


def _scalar(node: Any) -> Any:
    try:
        return resolve(node.value, plain=not node.style, tag=str(node.tag or ""))
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return f"{key:g}" if isinstance(key, float) else str(key)
    raise DecodeError("error converting YAML to JSON: json: unsupported key")


def _message(error: yaml.MarkedYAMLError) -> str:
    """With the line, counted from where the trouble began; Go tells none in the first."""
    line = 0
    for mark in (error.context_mark, error.problem_mark):
        if mark is not None and mark.line:
            line = mark.line + isinstance(error, yaml.scanner.ScannerError)
            break
    return f"line {line}: {error.problem}" if line else str(error.problem)
