"""The resources that controllers know by name."""

from sampan.kube.client.requests import ResourcePath

NAMESPACES = ResourcePath("v1", "namespaces", namespaced=False)
SERVICE_ACCOUNTS = ResourcePath("v1", "serviceaccounts")
CONFIG_MAPS = ResourcePath("v1", "configmaps")
RESOURCE_QUOTAS = ResourcePath("v1", "resourcequotas")
PODS = ResourcePath("v1", "pods")
SERVICES = ResourcePath("v1", "services")
CLAIMS = ResourcePath("v1", "persistentvolumeclaims")
RESOURCE_CLAIMS = ResourcePath("resource.k8s.io/v1", "resourceclaims")
NODES = ResourcePath("v1", "nodes", namespaced=False)
LEASES = ResourcePath("coordination.k8s.io/v1", "leases")
JOBS = ResourcePath("batch/v1", "jobs")
CRON_JOBS = ResourcePath("batch/v1", "cronjobs")
STATEFUL_SETS = ResourcePath("apps/v1", "statefulsets")
DAEMON_SETS = ResourcePath("apps/v1", "daemonsets")
CONTROLLER_REVISIONS = ResourcePath("apps/v1", "controllerrevisions")
ENDPOINTS = ResourcePath("v1", "endpoints")
ENDPOINT_SLICES = ResourcePath("discovery.k8s.io/v1", "endpointslices")
