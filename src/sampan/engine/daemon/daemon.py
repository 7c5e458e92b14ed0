"""sampand: start, serve, hand over. The console script's entry is `main`.

The launcher is started first: it loads what it needs while this process loads much more.
"""

import os
import sys


def main() -> None:
    argv = sys.argv[1:]
    from sampan.runtime import launcher

    try:
        pid, sock = launcher.spawn()
    except OSError as error:
        sys.exit(f"sampand: cannot start the launcher: {error}")
    from sampan.engine.api.app import make_api
    from sampan.engine.daemon import serve

    status = serve.run(argv, pid, sock, make_api)
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that still delete trees must not hold up the exit; the next start goes on with the trash.
    os._exit(status)


if __name__ == "__main__":
    main()
