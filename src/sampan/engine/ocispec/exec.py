"""The OCI process of `docker exec` (moby daemon/exec.go, exec_linux.go)."""

from collections.abc import Mapping
from typing import Any

from sampan.engine.ocispec import process, security
from sampan.engine.ocispec.build import Defaults, granted_capabilities
from sampan.engine.ocispec.host import Host
from sampan.specs.oci.runtime import Process


def exec_process(
    config: Mapping[str, Any],
    host_config: Mapping[str, Any],
    request: Mapping[str, Any],
    host: Host,
    defaults: Defaults | None = None,
) -> tuple[Process, bytes | None]:
    """The process and its seccomp filter; `request` is Docker's ExecConfig (Cmd, Env, User, WorkingDir, ...).

    `--privileged` gives all capabilities; the container's seccomp filter stays, as in Docker.
    """
    defaults = defaults or Defaults()
    options = security.parse_options(host_config.get("SecurityOpt"), defaults.no_new_privileges)
    contained = granted_capabilities(host_config, host)
    privileged = bool(request.get("Privileged"))
    tty = bool(request.get("Tty"))
    found = process.process(
        args=list(request.get("Cmd") or ()),
        env=process.environment(
            config.get("Hostname") or "", tty, [*(config.get("Env") or ()), *(request.get("Env") or ())]
        ),
        cwd=request.get("WorkingDir") or config.get("WorkingDir") or "/",
        who=process.user(request.get("User") or config.get("User") or "", host_config.get("GroupAdd")),
        capabilities=list(host.capabilities) if privileged else contained,
        terminal=tty,
        no_new_privileges=options.no_new_privileges,
        limits=process.rlimits(host_config.get("Ulimits"), defaults.ulimits),
        apparmor=security.apparmor_profile(options, privileged or bool(host_config.get("Privileged")), host),
        oom_score_adj=host_config.get("OomScoreAdj") or 0,
    )
    program = security.seccomp_program(
        options, bool(host_config.get("Privileged")), contained, host, defaults.seccomp_profile
    )
    return found, program
