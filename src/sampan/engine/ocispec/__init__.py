"""Docker's Config and HostConfig to an OCI runtime spec, purely: the machine is handed in as a Host."""
