"""Several processes behind one listening socket, and one for the work beside the requests.

supervisor      holds the socket, keeps the others running
  workers       answer requests
  jobs          collects garbage, applies retention, delivers notifications: in one place only
"""

import dataclasses
import gc
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sampan.errors import Failed, SampanError
from sampan.http.app import bind_tcp, raise_file_limit
from sampan.registry.accesslog import AccessLog
from sampan.registry.auth.gate import make_gate
from sampan.registry.cache.upstream import Upstream
from sampan.registry.config import Config
from sampan.registry.database import connect
from sampan.registry.layout import Layout
from sampan.registry.metrics.shared import Arena
from sampan.registry.reserve import Reserve
from sampan.registry.schema import migrate
from sampan.registry.serve import tls_context
from sampan.registry.workers.process import Setting, run
from sampan.registry.workers.supervisor import Place, Supervisor, Work

log = logging.getLogger("sampan.registry")


def supervise(load: Callable[[], Config]) -> int:
    """Serve until told to stop. Raises Invalid, Failed for what cannot work from the start."""
    config = load()
    raise_file_limit()
    prepare(config)
    listener = bind_tcp(*config.listen)
    arena = Arena()
    count = config.workers or os.cpu_count() or 1

    def work(config: Config) -> Work:
        check(config)
        context = tls_context(config)
        return lambda place, slot, alive: run(Setting(config, context, listener, arena, place, slot, alive))

    def reload() -> Work | None:
        """An invalid file changes nothing."""
        kept = {"root": config.root, "addr": config.addr, "workers": config.workers}
        try:
            fresh = load()
            found = work(dataclasses.replace(fresh, **kept))  # type: ignore[arg-type]
        except SampanError as error:
            log.error("configuration not reloaded: %s", error)
            return None
        if any(getattr(fresh, name) != value for name, value in kept.items()):
            log.warning("root, addr and workers only change on restart")
        log.info("configuration reloaded")
        return found

    first = work(config)
    # What is loaded by now is shared with every worker: the collector must not write to its pages.
    gc.collect()
    gc.freeze()
    places = [*(Place(number) for number in range(count)), Place(count, jobs=True)]
    host, port = listener.getsockname()[:2]
    scheme = "https" if config.tls_cert else "http"
    log.info("serving %s on %s://%s:%d with %d workers", config.root, scheme, host, port, count)
    return Supervisor(places, first, reload, listener.close, config.drain_timeout).run()


def check(config: Config) -> None:
    """Build once what each worker builds, so that what cannot work is said here. Raises Invalid, Failed."""
    make_gate(config.auth, Layout(Path(config.root)), time.time)
    for upstream in config.upstream:
        Upstream(upstream)
    if config.log.access:
        AccessLog(config.log.access).close()


def prepare(config: Config) -> None:
    """Make or upgrade the root before the workers open it; nothing stays open. Raises Failed."""
    layout = Layout(Path(config.root))
    layout.prepare()
    reserve = Reserve(layout)
    reserve.spend()  # on a full disk even opening the database may need some
    try:
        with closing(connect(layout.database)) as db:
            migrate(db)
        if not reserve.fill():
            log.warning("the disk of %s is full: nothing can be pushed", config.root)
    except sqlite3.Error as error:
        raise Failed(f"cannot use {layout.database}: {error}") from error
    except OSError as error:
        raise Failed(f"cannot use {config.root}: {error.strerror}") from error
