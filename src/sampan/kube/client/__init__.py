"""How every other part of the cluster sees the API: requests, informers, work queues, leases."""
