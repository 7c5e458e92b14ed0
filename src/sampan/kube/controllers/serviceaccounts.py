"""Every namespace that is not on its way out has a service account named "default"."""

from sampan.kube.client.requests import Client, Object
from sampan.kube.controllers.controller import Controller, Informers, namespace_of
from sampan.kube.controllers.resources import NAMESPACES, SERVICE_ACCOUNTS
from sampan.specs.kubernetes.status import StatusError

NAME = "default"


def controller(client: Client, informers: Informers) -> Controller:
    """Of kube-controller-manager's "serviceaccount-controller"."""
    namespaces = informers.of(NAMESPACES)
    accounts = informers.of(SERVICE_ACCOUNTS)

    async def reconcile(name: str) -> None:
        namespace = namespaces.get(name)
        if namespace is None or is_going(namespace) or accounts.get(f"{name}/{NAME}") is not None:
            return
        try:
            await client.create(SERVICE_ACCOUNTS, name, {"metadata": {"name": NAME, "namespace": name}})
        except StatusError as error:
            if error.reason != "AlreadyExists" and not is_ending(error):
                raise

    found = Controller("serviceaccounts", reconcile, [namespaces, accounts])
    found.watch(namespaces)
    found.watch(accounts, namespace_of)
    return found


def is_going(value: Object) -> bool:
    """Has its deletion begun?"""
    return "deletionTimestamp" in value["metadata"]


def is_ending(error: StatusError) -> bool:
    """Was something refused because its namespace is on its way out, or gone?"""
    causes = (error.details or {}).get("causes") or ()
    return error.code == 404 or any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
