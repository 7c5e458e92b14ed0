"""Docker's build checks: https://docs.docker.com/reference/build-checks/."""
