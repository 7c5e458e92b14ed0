"""What happens in a build, told as the classic builder did: one step after the other. Pure.

Steps run side by side, but their output is told in the Dockerfile's order: a step's waits until those before
it have ended. Containers that steps run in have no ids, so one is made up of the vertex; the id after "--->"
is that of the snapshot (`sampan build shell ID` opens it), and the last one's the image's.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sampan.builder.errors import StepFailed
from sampan.builder.frontends.classic.steps import ClassicStep
from sampan.builder.progress import Event, Log, Status, Vertex

Line = dict[str, Any]
RED, NORMAL = "\x1b[91m", "\x1b[0m"  # around what a program writes to its standard error


def stream(text: str) -> Line:
    return {"stream": text}


def failure(message: str, code: int | None = None) -> Line:
    detail: Line = {"message": message} if code is None else {"code": code, "message": message}
    return {"errorDetail": detail, "error": message}


class Transcript:
    """Feed it events and it returns lines. `plan` is called once, when there are steps to tell of."""

    def __init__(self) -> None:
        self._steps: list[ClassicStep] = []
        self._snapshot: Callable[[int], str] = lambda step: ""
        self._vertices: dict[str, Vertex] = {}
        self._logs: dict[str, list[Line]] = {}
        self._at = 0  # the step that is being told
        self._told = ""  # the step's header was: its text
        self._part = 0  # which of its vertices
        self._container = ""  # "Running in" was said of
        self._base = ""
        self._stage = -1
        self._stages: dict[int, str] = {}  # the last id in each
        # The last step of this stage that made a layer was; None: there was none yet.
        self._cached: bool | None = None
        self._known: bool | None = None  # the whole image was here before; None: it is not made yet

    @property
    def begun(self) -> bool:
        return bool(self._steps)

    def begin(self, steps: list[ClassicStep], snapshot: Callable[[int], str]) -> None:
        """`snapshot`: the id of what a step of the plan has left."""
        self._steps = steps
        self._snapshot = snapshot

    def tell(self, events: Iterable[Event]) -> list[Line]:
        lines: list[Line] = []
        for event in events:
            match event:
                case Vertex():
                    self._vertices[event.digest] = event
                case Log():
                    self._logs.setdefault(event.vertex, []).append(output(event))
                case Status():
                    lines += self._status(event)
        lines += self._advance()
        return lines

    def _status(self, status: Status) -> list[Line]:
        """The layers of a base image that is pulled."""
        vertex = self._vertices.get(status.vertex)
        if vertex is None or not status.id.startswith("sha256:"):
            return []
        id = status.id.removeprefix("sha256:")[:12]
        if status.completed:
            return [{"status": "Pull complete", "progressDetail": {}, "id": id}]
        if not status.total:
            return []
        detail = {"current": status.current, "total": status.total}
        return [{"status": status.name or "Downloading", "progressDetail": detail, "id": id}]

    def _advance(self) -> list[Line]:
        lines: list[Line] = []
        while self._at < len(self._steps):
            step = self._steps[self._at]
            lines += self._header(step)
            if not self._through(step, lines) or self._was_cached() is None:
                break
            if self._at == len(self._steps) - 1 and step.kind != "from":
                self._at += 1  # its id is the image's, which comes at the end
                break
            lines += self._ended(step)
            self._next()
        return lines

    def _next(self) -> None:
        self._at += 1
        self._told, self._part, self._container = "", 0, ""

    def _header(self, step: ClassicStep) -> list[Line]:
        if self._told:
            return []
        self._told = step.text
        lines = [stream(f"Step {self._at + 1}/{len(self._steps)} : {step.text}"), stream("\n")]
        if step.kind == "from":
            self._cached = None
            self._base = short(step.image) or self._stages.get(step.below, "")
            self._stage = step.stage
            self._stages[step.stage] = self._base
            lines.append(stream(f" ---> {self._base}\n"))
            if step.triggers:
                plural = "" if step.triggers == 1 else "s"
                lines += [stream(f"# Executing {step.triggers} build trigger{plural}"), stream("\n")]
        return lines

    def _through(self, step: ClassicStep, lines: list[Line]) -> bool:
        """Tell of the step's vertices; whether all of them have ended."""
        while self._part < len(step.vertices):
            digest = step.vertices[self._part]
            vertex = self._vertices.get(digest)
            if vertex is None or not vertex.started:
                return False
            runs = step.kind == "run" or (step.kind == "from" and bool(self._logs.get(digest)))
            if runs and not vertex.cached and not self._container:
                self._container = hashlib.sha256(digest.encode()).hexdigest()[:12]
                lines.append(stream(f" ---> Running in {self._container}\n"))
            lines += self._logs.pop(digest, [])
            if not vertex.completed or vertex.error:
                return False
            self._cached = vertex.cached
            if self._container:
                lines.append(stream(f" ---> Removed intermediate container {self._container}\n"))
                self._container = ""
            self._part += 1
            if step.kind == "from":
                lines += self._left(step, self._part - 1)
        return True

    def _ended(self, step: ClassicStep) -> list[Line]:
        if step.kind in ("arg", "from"):
            return []
        lines = [stream(" ---> Using cache\n")] if self._was_cached() else []
        if step.vertices:
            return lines + self._left(step, len(step.vertices) - 1)
        return lines + self._named(self._made_up(step))

    def _was_cached(self) -> bool | None:
        """Of the step that is told: what is only in the config is as cached as the layer before it.

        Where there is none, as the next one, or the whole image; None as long as that is not known.
        """
        if self._cached is not None or self._steps[self._at].kind in ("arg", "from"):
            return bool(self._cached)
        following = next((step for step in self._steps[self._at :] if step.vertices), None)
        vertex = self._vertices.get(following.vertices[0]) if following else None
        if vertex is None or following is None:
            return self._known
        # Of a COPY it may turn out at its end that it made what is known; a RUN is not begun then.
        decided = vertex.completed or (vertex.started and following.kind == "run")
        return vertex.cached if decided else self._known

    def _made_up(self, step: ClassicStep) -> str:
        """An id for what is only in the config, or was not even looked at since all after it is cached."""
        text = f"{self._base}\n{step.text}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]

    def _named(self, id: str) -> list[Line]:
        self._base = self._stages[self._stage] = id
        return [stream(f" ---> {id}\n")]

    def _left(self, step: ClassicStep, part: int) -> list[Line]:
        return self._named(self._snapshot(step.steps[part])[:12] or self._made_up(step))

    # The end

    def finish(
        self, image: str, tags: Iterable[str], unused: list[str], *, known: bool = False
    ) -> list[Line]:
        """`known`: the very image was here before, and did not have to be made anew."""
        self._known = known
        lines = self._advance()
        if self._steps and self._steps[-1].kind != "from":
            if known if self._cached is None else self._cached:
                lines.append(stream(" ---> Using cache\n"))
            lines.append(stream(f" ---> {short(image)}\n"))
        lines.append({"aux": {"ID": image}})
        if unused:
            lines.append(stream(f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed\n"))
        lines.append(stream(f"Successfully built {short(image)}\n"))
        return lines + [stream(f"Successfully tagged {tag}\n") for tag in tags]

    def fail(self, error: StepFailed) -> list[Line]:
        """Up to the step that failed, and how."""
        lines: list[Line] = []
        failed = next(
            (index for index, step in enumerate(self._steps) if error.vertex in step.vertices), None
        )
        if failed is not None and failed != self._at:
            self._at, self._told, self._container = failed, "", ""
            lines += self._header(self._steps[failed])
        step = self._steps[failed] if failed is not None else None
        if step is not None:
            lines += self._logs.pop(error.vertex, [])
        if step is not None and error.exit_code is not None and step.args:
            command = " ".join(step.args)
            message = f"The command '{command}' returned a non-zero code: {error.exit_code}"
            return [*lines, failure(message, error.exit_code)]
        return [*lines, failure(str(error))]


def output(event: Log) -> Line:
    text = event.data.decode("utf-8", "replace")
    return stream(f"{RED}{text}{NORMAL}" if event.stream == 2 else text)


def short(id: str) -> str:
    return id.removeprefix("sha256:")[:12]
