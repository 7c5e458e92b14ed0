"""How a build that failed is told to a classic client."""

from typing import Any

from sampan.builder.build import Build
from sampan.builder.errors import DockerfileError, StepFailed
from sampan.builder.frontends.classic.steps import classic_steps
from sampan.builder.frontends.classic.transcript import Transcript, failure, stream
from sampan.errors import Failed, NotFound
from sampan.http.errors import status_of


def translated(error: Exception, build: Build, dockerfile: str) -> Exception:
    """In the classic builder's words, with the line, which its clients have no other way to show."""
    told = _translated(error, build, dockerfile)
    if not isinstance(told, DockerfileError) or told.place is None or told.__cause__ is not None:
        return told
    if error.__cause__ is not None or "line" in told.message:
        return told
    where = f"{told.place.filename}:{told.place.lines.first}"
    return DockerfileError(f"{told.message} ({where})", place=told.place, hint=told.hint)


def _translated(error: Exception, build: Build, dockerfile: str) -> Exception:
    """In the classic builder's words, where these differ from BuildKit's."""
    if isinstance(error, DockerfileError) and error.message.startswith("failed to parse target platform"):
        return DockerfileError(error.message.partition(": ")[2], place=error.place)
    if build.dockerfile is None and isinstance(error, NotFound):
        return Failed(f"Cannot locate specified Dockerfile: {dockerfile}")
    if not isinstance(error, DockerfileError) or build.dockerfile is not None:
        return error
    if error.message == "the Dockerfile cannot be empty":
        return DockerfileError(f"the Dockerfile ({dockerfile}) cannot be empty", place=error.place)
    if error.message == "file with no instructions":
        return DockerfileError(f"failed to parse {dockerfile}: {error.message}", place=error.place)
    if not error.message.startswith(("dockerfile parse error", "no build stage", "the Dockerfile")):
        return DockerfileError(f"failed to parse {dockerfile}: {error.message}", place=error.place)
    return error


def lines_of(
    error: Exception, build: Build, transcript: Transcript, target: str
) -> list[dict[str, Any]] | None:
    """What is still to be told; None when nothing was, and the error is the whole answer."""
    if isinstance(error, StepFailed):
        return transcript.fail(error)
    text = status_of(error)[1]
    if transcript.begun:
        return [failure(text)]
    if build.dockerfile is None or error.__cause__ is None or not isinstance(error, DockerfileError):
        return None
    # A base image that could not be had: the classic builder asks for it when it comes to the FROM.
    steps = classic_steps(build.dockerfile, target, None, lambda step: "")
    place = error.place
    for number, step in enumerate(steps, 1):
        if place is not None and step.lines == place.lines:
            head = f"Step {number}/{len(steps)} : {step.text}"
            return [stream(head), stream("\n"), failure(text)]
    return [failure(text)]
