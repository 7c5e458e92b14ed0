"""Every namespace that is not on its way out has a service account named "default"."""

from sampan.kube.client.informers import namespace_of
from sampan.kube.client.resources import NAMESPACES, SERVICE_ACCOUNTS
from sampan.kube.controllers.context import Context
from sampan.kube.controllers.controller import Controller
from sampan.specs.kubernetes.objects import is_going
from sampan.specs.kubernetes.status import StatusError, has_cause, is_already_there, is_not_found

NAME = "default"


def controller(context: Context) -> Controller:
    """Of kube-controller-manager's "serviceaccount-controller"."""
    namespaces = context.informers.of(NAMESPACES)
    accounts = context.informers.of(SERVICE_ACCOUNTS)

    async def reconcile(name: str) -> None:
        namespace = namespaces.get(name)
        if namespace is None or is_going(namespace) or accounts.get(f"{name}/{NAME}") is not None:
            return
        try:
            await context.client.create(
                SERVICE_ACCOUNTS, name, {"metadata": {"name": NAME, "namespace": name}}
            )
        except StatusError as error:
            if not is_already_there(error) and not is_ending(error):
                raise

    found = Controller("serviceaccounts", reconcile, [namespaces, accounts])
    found.watch(namespaces)
    found.watch(accounts, namespace_of)
    return found


def is_ending(error: StatusError) -> bool:
    """Was something refused because its namespace is on its way out, or gone?"""
    return is_not_found(error) or has_cause(error, "NamespaceTerminating")
