"""What a registry answers when it refuses. OCI distribution-spec, "Error Codes"; texts as Docker's client."""

from typing import Any

import orjson

from sampan.errors import Failed

MAX_TEXT = 500  # characters of an answer that go into a message


class RegistryError(Failed):
    """The registry answered, and not with what was asked for. `code` is the specification's, in capitals."""

    def __init__(self, message: str, *, status: int, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code

    @property
    def temporary(self) -> bool:
        """Whether the same request may succeed later: the server's fault, or a rate limit."""
        return self.status >= 500 or self.status in (408, 425)


CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NOT_FOUND", 405: "UNSUPPORTED", 429: "TOOMANYREQUESTS"}


def from_answer(status: int, reason: str, body: bytes) -> RegistryError:
    """The first error of the answer's document, in the words of Docker's client."""
    if status >= 500:
        return RegistryError(f"received unexpected HTTP status: {status} {reason}".rstrip(), status=status)
    code, message = _first_error(body)
    if not code:
        code = CODES.get(status, "UNKNOWN")
        text = body[:MAX_TEXT].decode(errors="replace").strip()
        message = text if text and not text.startswith(("<", "{")) else f"{status} {reason}".strip()
    words = code.lower().replace("_", " ")
    return RegistryError(f"{words}: {printable(message)}", status=status, code=code)


def _first_error(body: bytes) -> tuple[str, str]:
    try:
        document: Any = orjson.loads(body)
        found = document["errors"][0]
        code, message = found["code"], found.get("message") or found["code"]
    except (orjson.JSONDecodeError, KeyError, TypeError, IndexError, AttributeError):
        return "", ""
    return (code, message) if isinstance(code, str) and isinstance(message, str) else ("", "")


def printable(text: str) -> str:
    """One bounded line without control characters: it goes to somebody's terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:MAX_TEXT]).strip()
