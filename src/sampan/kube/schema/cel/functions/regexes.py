"""matches, find, findAll; k8s.io/apiserver pkg/cel/library/regex.go

Patterns are RE2's and matched in time that grows with the text only (specs/golang/regexp).
"""

from functools import lru_cache

from sampan.errors import Invalid
from sampan.kube.schema.cel.errors import CelEvaluationError
from sampan.kube.schema.cel.functions.overload import Row
from sampan.specs.golang.regexp import Regexp, compile_regexp


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Regexp:
    try:
        return compile_regexp(pattern)
    except Invalid as e:
        raise CelEvaluationError(str(e)) from None


def matches(text: str, pattern: str) -> bool:
    compiled = _compiled(pattern)
    try:
        return compiled.search(text)
    except Invalid as e:
        raise CelEvaluationError(str(e)) from None


def find(text: str, pattern: str) -> str:
    found = find_all(text, pattern, 1)
    return found[0] if found else ""


def find_all(text: str, pattern: str, count: int = -1) -> list[str]:
    compiled = _compiled(pattern)
    try:
        return [text[start:end] for start, end in compiled.find_all(text, count)]
    except Invalid as e:
        raise CelEvaluationError(str(e)) from None


def overloads() -> list[Row]:
    return [
        ("matches", "matches", "string, string -> bool", matches),
        ("matches", "matches_string", "string . string -> bool", matches),
        ("find", "string_find_string", "string . string -> string", find),
        ("findAll", "string_find_all_string", "string . string -> list(string)", find_all),
        ("findAll", "string_find_all_string_int", "string . string, int -> list(string)", find_all),
    ]
