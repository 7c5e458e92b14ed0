"""ClusterRoles that gather the rules of others by their labels.

kube-controller-manager's clusterrole-aggregation-controller;
kubernetes.io/docs/reference/access-authn-authz/rbac#aggregated-clusterroles
"""

from collections.abc import Iterable

from sampan.kube.client.requests import Object
from sampan.kube.client.resources import CLUSTER_ROLES
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.labels import from_object
from sampan.specs.kubernetes.objects import labels_of

MANAGER = "clusterrole-aggregation-controller"


def gathered(role: Object, roles: Iterable[Object]) -> list[Object]:
    """The rules a role is to have: each once, by selectors, and of one selector by the roles' names."""
    found: list[Object] = []
    others = sorted(
        (one for one in roles if one["metadata"]["name"] != role["metadata"]["name"]),
        key=lambda one: str(one["metadata"]["name"]),
    )
    for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
        selects = from_object(selector)
        for one in others:
            if selects.matches(labels_of(one)):
                found += [rule for rule in one.get("rules") or () if rule not in found]
    return found


def controller(context: Context) -> Controller:
    """Any change may matter to any of the few roles that gather."""
    roles = context.informers.of(CLUSTER_ROLES)

    async def reconcile(name: str) -> None:
        role = roles.get(name)
        if role is None or not role.get("aggregationRule"):
            return
        rules = gathered(role, roles.objects.values())
        if rules == (role.get("rules") or []):
            return
        applied: Object = {"apiVersion": role["apiVersion"], "kind": role["kind"], "metadata": {"name": name}}
        if rules:
            applied["rules"] = rules
        await context.client.apply(CLUSTER_ROLES, "", applied, MANAGER)

    found = Controller("clusterrole-aggregation", reconcile, [roles], workers=5)
    found.watch(roles, lambda _: [name for name, one in roles.objects.items() if one.get("aggregationRule")])
    return found
