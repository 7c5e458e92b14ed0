"""Options of requests: what stands in the query, or in the body of a deletion. meta.k8s.io/v1 *Options"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.errors import Invalid
from sampan.specs.golang.numbers import parse_int, parse_uint
from sampan.specs.golang.quote import quote
from sampan.specs.kubernetes import fielderror, fields, labels, status
from sampan.specs.kubernetes.fielderror import FieldError

MATCHES = ("Exact", "NotOlderThan")
VALIDATIONS = ("Ignore", "Warn", "Strict")
GROUP = "meta.k8s.io"


def invalid(kind: str, errors: list[FieldError]) -> status.StatusError:
    """The failure of a request whose options are wrong; `kind` is "ListOptions" or the like."""
    return status.invalid(GROUP, kind, "", errors)


def truth(text: str | None) -> bool:
    """As upstream reads booleans of a query: whatever is neither "false" nor "0" is true, "" as well."""
    return text is not None and text.lower() not in ("false", "0")


def integer(query: Mapping[str, str], name: str) -> int | None:
    """A number of the query, None where there is none; raises StatusError."""
    text = query.get(name)
    if not text:
        return None
    try:
        return parse_int(text)
    except Invalid as error:
        raise status.bad_request(error.message) from None


def revision_of(text: str) -> int:
    """Of a resourceVersion; raises StatusError."""
    try:
        return parse_uint(text) if text else 0
    except Invalid as error:
        shown = f"resourceVersion: Invalid value: {quote(text)}: {error.message}"
        raise status.bad_request(f"invalid resource version: {shown}") from None


@dataclass(frozen=True, slots=True)
class ListOptions:
    label_selector: labels.Selector = labels.EVERYTHING
    field_selector: fields.Selector = fields.EVERYTHING
    watch: bool = False
    bookmarks: bool = False
    resource_version: str = ""
    match: str = ""
    timeout: int | None = None
    limit: int = 0
    token: str = ""  # `continue`
    initial_events: bool | None = None

    @property
    def revision(self) -> int:
        """Raises StatusError; of a watch it is one without a reason, as upstream's is."""
        try:
            return revision_of(self.resource_version)
        except status.StatusError as error:
            if not self.watch:
                raise
            message = error.message.removeprefix("invalid resource version: ")
            raise status.StatusError("", message, None, 500) from None


def list_options(query: Mapping[str, str], *, watch: bool = False) -> ListOptions:
    """Raises StatusError, in upstream's order of checks."""
    if not query:
        return ListOptions(watch=watch)
    try:
        selector = labels.parse(query.get("labelSelector", ""))
        chosen = fields.parse(query.get("fieldSelector", ""))
    except (labels.BadSelector, fields.BadSelector) as error:
        raise status.bad_request(str(error)) from None
    sent = query.get("sendInitialEvents")
    options = ListOptions(
        selector,
        chosen,
        watch or truth(query.get("watch")),
        truth(query.get("allowWatchBookmarks")),
        query.get("resourceVersion", ""),
        query.get("resourceVersionMatch", ""),
        integer(query, "timeoutSeconds"),
        max(integer(query, "limit") or 0, 0),
        query.get("continue", ""),
        None if sent is None else truth(sent),
    )
    errors = _watch_errors(options) if options.watch else _list_errors(options)
    if errors:
        raise invalid("ListOptions", errors)
    return options


def _list_errors(options: ListOptions) -> list[FieldError]:
    errors = []
    match, version = options.match, options.resource_version
    if match:
        if not version:
            errors.append(
                _match_forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided")
            )
        if options.token:
            errors.append(_match_forbidden("resourceVersionMatch is forbidden when continue is provided"))
        if match not in MATCHES:
            shown = (*MATCHES, "")
            errors.append(fielderror.not_supported("resourceVersionMatch", match, shown))
        if match == "Exact" and version == "0":
            errors.append(
                _match_forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
            )
    if options.initial_events is not None:
        errors.append(fielderror.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    return errors


def _watch_errors(options: ListOptions) -> list[FieldError]:
    errors = []
    match = options.match
    if match and options.initial_events is None:
        errors.append(
            _match_forbidden(
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            )
        )
    if options.initial_events is not None and match != "NotOlderThan":
        errors.append(
            _match_forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
        )
    if options.token:
        errors.append(_match_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    if match and match != "NotOlderThan":
        errors.append(fielderror.not_supported("resourceVersionMatch", match, ("NotOlderThan",)))
    return errors


def _match_forbidden(why: str) -> FieldError:
    return fielderror.forbidden("resourceVersionMatch", why)


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """CreateOptions, UpdateOptions and PatchOptions."""

    dry_run: bool = False
    manager: str = ""
    validation: str = "Warn"
    force: bool = False


def write_options(
    query: Mapping[str, str], kind: str, dry_runs: list[str], *, apply: bool = False
) -> WriteOptions:
    """`kind` is "CreateOptions" and so on; `dry_runs` all values of dryRun. Raises StatusError."""
    if not query:
        return DEFAULT_WRITE if not apply else _checked(kind, WriteOptions(), [_manager_required()])
    manager = query.get("fieldManager", "")
    validation = query.get("fieldValidation") or "Warn"
    force = query.get("force")
    errors = []
    if apply and not manager:
        errors.append(_manager_required())
    elif not apply and kind == "PatchOptions" and force is not None:
        errors.append(fielderror.forbidden("force", "may not be specified for non-apply patch"))
    errors += manager_errors(manager)
    errors += dry_run_errors(dry_runs)
    if validation not in VALIDATIONS:
        errors.append(
            fielderror.not_supported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn"))
        )
    return _checked(kind, WriteOptions(bool(dry_runs), manager, validation, truth(force)), errors)


def _checked(kind: str, options: WriteOptions, errors: list[FieldError]) -> WriteOptions:
    if errors:
        raise invalid(kind, errors)
    return options


DEFAULT_WRITE = WriteOptions()


def _manager_required() -> FieldError:
    return fielderror.required("fieldManager", "is required for apply patch")


def _code_point(char: str) -> str:
    """Go's %U."""
    return f"U+{ord(char):04X}"


def manager_errors(manager: str) -> list[FieldError]:
    errors = []
    if len(manager.encode("utf-8", "replace")) > 128:
        errors.append(fielderror.too_long("fieldManager", 128))
    for at, char in enumerate(manager):
        if not char.isprintable():
            detail = f"invalid character {_code_point(char)} (at position {at})"
            errors.append(fielderror.invalid("fieldManager", manager, detail))
            break
    return errors


def dry_run_errors(values: list[str]) -> list[FieldError]:
    if all(value == "All" for value in values):
        return []
    return [fielderror.not_supported("dryRun", values, ("All",))]


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    dry_run: bool = False
    grace: int | None = None
    uid: str | None = None
    resource_version: str | None = None
    orphan: bool | None = None  # the old orphanDependents
    propagation: str = ""


def delete_options(
    body: dict[str, Any] | None, query: Mapping[str, str], dry_runs: list[str]
) -> DeleteOptions:
    """Of the body if there is one, else of the query. Raises StatusError."""
    given = body if body is not None else _of_query(query, dry_runs)
    wanted = given.get("preconditions") or {}
    errors = dry_run_errors(given.get("dryRun") or [])
    orphan, propagation = given.get("orphanDependents"), given.get("propagationPolicy") or ""
    if orphan is not None and propagation:
        errors.insert(
            0,
            fielderror.invalid(
                "propagationPolicy",
                propagation,
                "orphanDependents and deletionPropagation cannot be both set",
            ),
        )
    if propagation not in ("", "Foreground", "Background", "Orphan"):
        supported = ("Foreground", "Background", "Orphan", "nil")
        errors.append(fielderror.not_supported("propagationPolicy", propagation, supported))
    if errors:
        raise invalid("DeleteOptions", errors)
    return DeleteOptions(
        bool(given.get("dryRun")),
        given.get("gracePeriodSeconds"),
        wanted.get("uid"),
        wanted.get("resourceVersion"),
        orphan,
        propagation,
    )


def _of_query(query: Mapping[str, str], dry_runs: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {"dryRun": dry_runs, "propagationPolicy": query.get("propagationPolicy", "")}
    grace = integer(query, "gracePeriodSeconds")
    if grace is not None:
        given["gracePeriodSeconds"] = grace
    if query.get("orphanDependents"):
        given["orphanDependents"] = truth(query["orphanDependents"])
    return given


def manager_name(options: WriteOptions, agent: str) -> str:
    """Who owns what this request writes: the name it gives, or the program's of its User-Agent."""
    name = options.manager or agent.partition("/")[0]
    while len(name.encode()) > 128:
        name = name[:-1]
    return "".join(char for char in name if char.isprintable()) or "unknown"
