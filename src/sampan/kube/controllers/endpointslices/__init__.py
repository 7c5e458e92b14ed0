"""The pods behind a Service as EndpointSlices: kube-controller-manager's endpointslice-controller."""
