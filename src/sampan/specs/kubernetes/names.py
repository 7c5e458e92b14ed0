"""How names, keys, values and ports may look, in the words of apimachinery's util/validation. Pure.

Each function returns what is wrong with a value, as messages: an empty list if nothing is. Upstream has two
homes for these: of label keys and values it counts "bytes" (pkg/api/validate/content), of the rest
"characters" (pkg/util/validation), and means bytes in both.
"""

import re

from sampan.specs.kubernetes.fielderror import FieldError, invalid, required, too_long

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORED_SUBDOMAIN = _UNDERSCORED + r"(\." + _UNDERSCORED + ")*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD = r"\*\." + _SUBDOMAIN
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = "(" + _KEY + ")?"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"

_is_label = re.compile(_LABEL).fullmatch
_is_subdomain = re.compile(_SUBDOMAIN).fullmatch
_is_underscored_subdomain = re.compile(_UNDERSCORED_SUBDOMAIN).fullmatch
_is_label_1035 = re.compile(_LABEL_1035).fullmatch
_is_wildcard = re.compile(_WILDCARD).fullmatch
_is_key = re.compile(_KEY).fullmatch
_is_value = re.compile(_VALUE).fullmatch
_is_c_identifier = re.compile(_C_IDENTIFIER).fullmatch
_is_config_key = re.compile(_CONFIG_KEY).fullmatch
_is_http_header = re.compile(_HTTP_HEADER).fullmatch
_is_percent = re.compile(_PERCENT).fullmatch
_is_http_path = re.compile(_HTTP_PATH).fullmatch
_is_condition_reason = re.compile(_CONDITION_REASON).fullmatch
_is_port_name = re.compile("[-a-z0-9]+").fullmatch
_has_letter = re.compile("[a-z]").search
# Most keys are fine, and one look shows it.
_is_good_key = re.compile(rf"(?:(?=[^/]{{1,253}}/){_SUBDOMAIN}/)?(?!.{{64}}){_KEY}").fullmatch

_SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, {}, "
    "and must start and end with an alphanumeric character"
)
_KEY_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)

ANNOTATIONS_SIZE = 256 * 1024
NOT_NEGATIVE = "must be greater than or equal to 0"


def size(text: str) -> int:
    """Bytes, as Go counts; what JSON can say but UTF-8 cannot (half a surrogate pair) is three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def longest(length: int) -> str:
    return f"must be no more than {length} characters"


def _longest_in_bytes(length: int) -> str:
    return f"must be no more than {length} bytes"


def range_error(low: int, high: int) -> str:
    """What a number is told that is not in a range."""
    return f"must be between {low} and {high}, inclusive"


def in_range(number: int, low: int, high: int) -> list[str]:
    """From `low` to `high`, both included."""
    return [] if low <= number <= high else [range_error(low, high)]


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """Its commas are upstream's."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{one}', " for one in examples)
    return f"{message} (e.g. {shown}regex used for validation is '{pattern}')"


def dns1123_label(value: str) -> list[str]:
    """One part of a domain, in lower case: names of namespaces, ports, containers."""
    found = [longest(63)] if size(value) > 63 else []
    if not _is_label(value):
        if _is_subdomain(value):
            return [*found, "must not contain dots"]
        message = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
            "and must start and end with an alphanumeric character"
        )
        found.append(regex_error(message, _LABEL, "my-name", "123-abc"))
    return found


def _subdomain_error() -> str:
    return regex_error(_SUBDOMAIN_MESSAGE.format("'-' or '.'"), _SUBDOMAIN, "example.com")


def dns1123_subdomain(value: str) -> list[str]:
    """A domain in lower case: names of most objects."""
    found = [longest(253)] if size(value) > 253 else []
    if not _is_subdomain(value):
        found.append(_subdomain_error())
    return found


def dns1123_subdomain_with_underscore(value: str) -> list[str]:
    """What a pod may have as a search domain."""
    found = [longest(253)] if size(value) > 253 else []
    if not _is_underscored_subdomain(value):
        message = _SUBDOMAIN_MESSAGE.format("'_', '-' or '.'")
        found.append(regex_error(message, _UNDERSCORED_SUBDOMAIN, "example.com"))
    return found


def dns1035_label(value: str) -> list[str]:
    """A label that begins with a letter: names of services."""
    found = [longest(63)] if size(value) > 63 else []
    if not _is_label_1035(value):
        message = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character"
        )
        found.append(regex_error(message, _LABEL_1035, "my-name", "abc-123"))
    return found


def wildcard_dns1123_subdomain(value: str) -> list[str]:
    """ "*.example.com": hosts of ingresses."""
    found = [longest(253)] if size(value) > 253 else []
    if not _is_wildcard(value):
        message = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
            "must consist of lower case alphanumeric characters, '-' or '.' "
            "and end with an alphanumeric character"
        )
        found.append(regex_error(message, _WILDCARD, "*.example.com"))
    return found


def path_segment(value: str) -> list[str]:
    """A name that only has to fit between two slashes of a path."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return path_segment_prefix(value)


def path_segment_prefix(value: str) -> list[str]:
    return [f"may not contain '{char}'" for char in "/%" if char in value]


def qualified_name(value: str) -> list[str]:
    """A key of a label: a name, and before it perhaps a domain and a slash."""
    if _is_good_key(value):
        return []
    parts = value.split("/")
    if len(parts) > 2:
        error = regex_error(_KEY_MESSAGE, _KEY, "MyName", "my.name", "123-abc")
        tail = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a valid label key {error} {tail}"]
    found = _prefix_part(parts[0]) if len(parts) == 2 else []
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif size(name) > 63:
        found.append(f"name part {_longest_in_bytes(63)}")
    if not _is_key(name):
        found.append(f"name part {regex_error(_KEY_MESSAGE, _KEY, 'MyName', 'my.name', '123-abc')}")
    return found


def _prefix_part(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    found = [f"prefix part {_longest_in_bytes(253)}"] if size(prefix) > 253 else []
    if not _is_subdomain(prefix):
        found.append(f"prefix part {_subdomain_error()}")
    return found


def label_value(value: str) -> list[str]:
    """A value of a label; it may be empty."""
    found = [_longest_in_bytes(63)] if size(value) > 63 else []
    if not _is_value(value):
        message = f"a valid label must be an empty string or {_KEY_MESSAGE[5:]}"
        found.append(regex_error(message, _VALUE, "MyValue", "my_value", "12345"))
    return found


def c_identifier(value: str) -> list[str]:
    """A name as C has them."""
    if _is_c_identifier(value):
        return []
    message = (
        "a valid C identifier must start with alphabetic character or '_', "
        "followed by a string of alphanumeric characters or '_'"
    )
    return [regex_error(message, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def _leads_upwards(value: str) -> list[str]:
    if value in (".", ".."):
        return [f"must not be '{value}'"]
    return ["must not start with '..'"] if value.startswith("..") else []


def relaxed_env_var_name(value: str) -> list[str]:
    """What 1.35 asks of the names of environment variables."""
    if not value:
        return ["environment variable name must be non-empty"]
    if all(" " <= char <= "~" and char != "=" for char in value):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    ]


def config_map_key(value: str) -> list[str]:
    """A key of a ConfigMap or Secret, which becomes the name of a file."""
    found = [longest(253)] if size(value) > 253 else []
    if not _is_config_key(value):
        message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        found.append(regex_error(message, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return found + _leads_upwards(value)


def http_header_name(value: str) -> list[str]:
    """A name of a header that a probe sends."""
    if _is_http_header(value):
        return []
    message = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(message, _HTTP_HEADER, "X-Header-Name")]


def percent(value: str) -> list[str]:
    if _is_percent(value):
        return []
    message = "a valid percent string must be a numeric string followed by an ending '%'"
    return [regex_error(message, _PERCENT, "1%", "93%")]


def condition_reason(value: str) -> list[str]:
    if _is_condition_reason(value):
        return []
    message = (
        "a condition reason must start with alphabetic character, optionally followed by a string of "
        "alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"
    )
    examples = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
    return [regex_error(message, _CONDITION_REASON, *examples)]


def port_name(value: str) -> list[str]:
    """Of IANA's service names, RFC 6335, in lower case."""
    found = [longest(15)] if size(value) > 15 else []
    if not _is_port_name(value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _has_letter(value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        found.append("must not begin or end with a hyphen")
    return found


def port_number(number: int) -> list[str]:
    """From 1 to 65535."""
    return in_range(number, 1, 65535)


def with_suffix(prefix: str) -> str:
    """A generateName as it is judged: a dash at its end will not be the end. Upstream drops one more."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix[-1] == "-" else prefix


def fully_qualified_name_errors(name: str, path: str) -> list[FieldError]:
    """A domain of three segments or more: finalizers' and resources' owners, webhooks."""
    if not name:
        return [required(path)]
    if messages := dns1123_subdomain(name):
        return [invalid(path, name, ",".join(messages))]
    if name.count(".") < 2:
        return [invalid(path, name, "should be a domain with at least three segments separated by dots")]
    return []


def fully_qualified_domain_name_errors(name: str, path: str) -> list[FieldError]:
    """A domain of two segments or more, perhaps with the dot of the root."""
    if not name:
        return [required(path)]
    name = name.removesuffix(".")
    if messages := dns1123_subdomain(name):
        return [invalid(path, name, ",".join(messages))]
    if "." not in name:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    for label in name.split("."):
        if messages := dns1123_label(label):
            return [invalid(path, label, ",".join(messages))]
    return []


def domain_prefixed_path_errors(value: str, path: str) -> list[FieldError]:
    """ "acme.io/foo" """
    if not value:
        return [required(path)]
    host, _, rest = value.partition("/")
    if not (host and rest):
        return [invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    found = [invalid(path, host, message) for message in dns1123_subdomain(host)]
    if not _is_http_path(rest):
        found.append(invalid(path, rest, regex_error("Invalid path", _HTTP_PATH)))
    return found


def labels_errors(labels: "dict[str, str] | None", path: str) -> list[FieldError]:
    """What is wrong with keys and values of labels; all of it is told of the one `path`."""
    found = []
    for key, value in (labels or {}).items():
        found += [invalid(path, key, message) for message in qualified_name(key)]
        found += [invalid(path, value, message) for message in label_value(value)]
    return found


def annotations_errors(annotations: "dict[str, str] | None", path: str) -> list[FieldError]:
    """Keys may be of either case everywhere; together they have a limit."""
    found: list[FieldError] = []
    total = 0
    for key, value in (annotations or {}).items():
        if not _is_good_key(key):
            found += [invalid(path, key, message) for message in qualified_name(key.lower())]
        total += size(key) + size(value)
    if total > ANNOTATIONS_SIZE:
        found.append(too_long(path, ANNOTATIONS_SIZE))
    return found
