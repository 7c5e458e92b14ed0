"""Prometheus' text form of metrics, 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/"""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def escape(value: str) -> str:
    """The value of a label, as it stands between its quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labels(pairs: "list[tuple[str, str]]") -> str:
    """{name="value",...}, or nothing."""
    return "{" + ",".join(f'{name}="{escape(value)}"' for name, value in pairs) + "}" if pairs else ""


def head(name: str, kind: str, text: str) -> "list[str]":
    """The lines that come before a family's samples."""
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def number(value: float) -> str:
    """A sample's value."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
