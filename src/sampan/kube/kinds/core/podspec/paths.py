"""Paths of files that must stay where they are put."""

from sampan.specs.kubernetes.fielderror import FieldError, invalid


def has_backsteps(text: str) -> bool:
    return ".." in text and ".." in text.split("/")


def backsteps_errors(text: str, path: str) -> list[FieldError]:
    return [invalid(path, text, "must not contain '..'")] if has_backsteps(text) else []


def descending_path_errors(text: str, path: str) -> list[FieldError]:
    """A relative path that does not lead upwards."""
    found = [invalid(path, text, "must be a relative path")] if text.startswith("/") else []
    return found + backsteps_errors(text, path)


def unreserved_path_errors(text: str, path: str) -> list[FieldError]:
    """One that does not begin with two dots either: so kubelets call what they keep for themselves."""
    found = descending_path_errors(text, path)
    if text.startswith("..") and not text.startswith("../"):
        found.append(invalid(path, text, "must not start with '..'"))
    return found


def mode_errors(mode: int | None, path: str) -> list[FieldError]:
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")]
