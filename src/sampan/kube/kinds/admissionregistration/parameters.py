"""Objects by which policies are parameterized: naming them, and who may.

Who lets a policy read an object must be able to read it.
k8s.io/kubernetes/pkg/registry/admissionregistration/validatingadmissionpolicy{,binding}/authz.go
"""

from sampan.kube.kinds.resource import Context, Object
from sampan.kube.schema import builtin
from sampan.specs.kubernetes import names
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, required

MASTERS = "system:masters"
_CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def kind_errors(kind: Object, path: str) -> list[FieldError]:
    """Of a ParamKind."""
    api_version, name = kind.get("apiVersion", ""), kind.get("kind", "")
    found = _version_errors(api_version, f"{path}.apiVersion")
    if not name:
        return [*found, required(f"{path}.kind")]
    if messages := names.dns1035_label(name.lower()):
        detail = f"may have mixed case, but should otherwise match: {','.join(messages)}"
        found.append(invalid(f"{path}.kind", name, detail))
    return found


def _version_errors(api_version: str, path: str) -> list[FieldError]:
    if not api_version:
        return [required(path)]
    if api_version != "/" and api_version.count("/") > 1:
        return [invalid(path, api_version, f"unexpected GroupVersion string: {api_version}")]
    group, _, version = api_version.rpartition("/")
    found = []
    if group and (messages := names.dns1123_subdomain(group)):
        found.append(invalid(path, group, ",".join(messages)))
    if not version:
        found.append(invalid(path, api_version, "version must be specified"))
    elif messages := names.dns1035_label(version):
        found.append(invalid(path, version, ",".join(messages)))
    return found


def policy_errors(kind: Object | None, context: Context) -> list[FieldError]:
    """Of the paramKind of a policy that is valid."""
    if kind is None or context.allowed is None or MASTERS in context.groups:
        return []
    group, resource = _resource_of(kind, context)
    if context.allowed("get", group, resource, "", "*", "*"):
        return []
    detail = (
        f'user {_user(context)} must have "get" permission on all objects of the referenced paramKind '
        f"(kind={kind.get('kind', '')}, apiVersion={kind.get('apiVersion', '')})"
    )
    return [forbidden("spec.paramKind", detail)]


def binding_errors(spec: Object, context: Context) -> list[FieldError]:
    """Of the paramRef of a binding that is valid."""
    reference = spec.get("paramRef")
    if reference is None or context.allowed is None or MASTERS in context.groups:
        return []
    group, resource = "*", "*"
    if context.reader is not None:
        policies = "validatingadmissionpolicies.admissionregistration.k8s.io"
        policy = context.reader.get(policies, "", spec.get("policyName", ""))
        if policy is not None and policy["spec"].get("paramKind") is not None:
            group, resource = _resource_of(policy["spec"]["paramKind"], context)
    name = reference.get("name", "")
    verb = "get" if name else "list"
    if context.allowed(verb, group, resource, "", reference.get("namespace", ""), name):
        return []
    # Upstream has the two the wrong way round.
    detail = f'user {verb} does not have "{_user(context)}" permission on the object referenced by paramRef'
    return [forbidden("spec.paramRef", detail)]


def _resource_of(kind: Object, context: Context) -> tuple[str, str]:
    """Group and plural; "*" for a plural that nobody knows."""
    group, _, version = kind.get("apiVersion", "").rpartition("/")
    name = kind.get("kind", "")
    if builtin.definition_of(group, version, name):
        return group, _plural(name.lower())
    for definition in context.reader.list(_CRDS) if context.reader is not None else ():
        spec = definition["spec"]
        if spec.get("group") == group and spec.get("names", {}).get("kind") == name:
            return group, spec["names"].get("plural", "*")
    return group, "*"


def _plural(name: str) -> str:
    """Of a built-in kind; none of them is called otherwise."""
    if name == "endpoints":
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _user(context: Context) -> str:
    """As Go prints a pointer to a user.DefaultInfo."""
    groups = " ".join(context.groups)
    extra = " ".join(f"{key}:[{' '.join(values)}]" for key, values in sorted(context.extra.items()))
    return f"&{{{context.user} {context.uid} [{groups}] map[{extra}]}}"
