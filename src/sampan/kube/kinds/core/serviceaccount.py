"""ServiceAccounts; pkg/registry/core/serviceaccount."""

from sampan.kube.kinds.ages import AGE, age_of
from sampan.kube.kinds.resource import Context, Object, Resource, Subresource

_ENFORCE = "kubernetes.io/enforce-mountable-secrets"


def _prepare_create(new: Object, _context: Context) -> None:
    # Of the references to secrets nothing but the name was ever used.
    if secrets := new.get("secrets"):
        new["secrets"] = [{"name": one["name"]} if one.get("name") else {} for one in secrets]


def _prepare_update(new: Object, _old: Object, context: Context) -> None:
    _prepare_create(new, context)


def _has_enforce(value: Object) -> bool:
    return _ENFORCE in (value["metadata"].get("annotations") or ())


def _warnings(new: Object, old: Object | None, _context: Context) -> list[str]:
    if not _has_enforce(new) or (old is not None and _has_enforce(old)):
        return []
    return [
        f"metadata.annotations[{_ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate "
        "access to mounted secrets"
    ]


RESOURCE = Resource(
    kind="ServiceAccount",
    plural="serviceaccounts",
    short_names=("sa",),
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    warnings=_warnings,
    subresources=(
        Subresource(
            "token", verbs=("create",), group="authentication.k8s.io", version="v1", kind="TokenRequest"
        ),
    ),
    deletion_returns_object=True,
    columns=(AGE,),
    cells=lambda value, now: [age_of(value, now)],
)
