"""sampan system service install: run the engine by systemd, from boot on."""

from __future__ import annotations

import os

from sampan.cli.config import replace_file
from sampan.cli.daemon import find_program
from sampan.cli.errors import CliError
from sampan.cli.flags import Command, Flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from sampan.cli.flags import Options
    from sampan.cli.session import Session

UNIT = "/etc/systemd/system/sampand.service"
# Delegate: the containers' cgroups below the unit's are ours. KillMode=process: a stop or restart of the
# daemon leaves shims and containers alone. systemd.resource-control(5), systemd.kill(5)
_TEXT = """\
[Unit]
Description=Sampan container engine
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={program}
ExecReload=/bin/kill -s HUP $MAINPID
Delegate=yes
KillMode=process
Restart=always
RestartSec=1
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


def run(session: Session, options: Options, args: list[str]) -> None:
    if args != ["install"]:
        raise CliError(
            f"unknown command: sampan system service {args[0]}\n\n"
            "Run 'sampan system service --help' for more information"
        )
    path = options["path"]
    program = os.path.abspath(find_program())
    try:
        replace_file(path, unit_text(program), 0o644)
    except OSError as error:
        raise CliError(f"cannot write {path}: {(error.strerror or '').lower()}") from None
    print(f"Wrote {path}")
    print(
        "To start the engine now and at every boot:\n\n"
        "  systemctl daemon-reload\n  systemctl enable --now sampand"
    )


def unit_text(program: str) -> str:
    """The unit file; a path with spaces or % is escaped as systemd.syntax(7) has it."""
    escaped = program.replace("\\\\", "\\\\\\\\").replace("%", "%%").replace("$", "$$")
    return _TEXT.format(program=f'"{escaped}"' if " " in escaped else escaped)


COMMAND = Command(
    "install [OPTIONS]",
    run,
    (Flag("path", "string", f'Where to write the unit (default "{UNIT}")', default=UNIT),),
    args=(1, 1),
    long="Write a systemd unit that runs the engine. Containers survive a restart of the unit.",
)
