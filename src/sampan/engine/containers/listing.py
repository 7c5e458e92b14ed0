"""GET /containers/json."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sampan.engine.containers import filters
from sampan.engine.containers.container import Container
from sampan.engine.containers.filters import Values
from sampan.engine.containers.index import Index
from sampan.engine.containers.record import ContainerRecord, State
from sampan.engine.containers.sizes import Sizes
from sampan.engine.images import Images
from sampan.engine.networks.manager import Networks
from sampan.engine.volumes import mountpoints
from sampan.specs.docker.filters import check_names
from sampan.specs.golang import time as times
from sampan.specs.golang.units import human_duration

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class ListQuery:
    """Parameters of GET /containers/json; a `limit` of 0 or less is none, and one above it also lists what
    does not run.
    """

    all: bool = False
    limit: int = 0
    size: bool = False
    filters: Mapping[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    index: Index
    images: Images
    networks: Networks
    sizes: Sizes

    def rows(self, query: ListQuery) -> Rows:
        """Newest first. Raises Invalid (filters), NotFound (before, since)."""
        return [self._row(container) for container in self._chosen(query)]

    async def rows_with_size(self, query: ListQuery) -> Rows:
        result = []
        for container in self._chosen(query):
            size = await self.sizes.of(container.record)
            if self.index.by_id(container.id) is not container:
                continue  # removed meanwhile
            result.append(self._row(container) | {"SizeRw": size.rw, "SizeRootFs": size.root})
        return result

    def _chosen(self, query: ListQuery) -> list[Container]:
        check_names(query.filters, filters.LIST)
        filters.check_values(query.filters)
        everything = query.all or query.limit > 0 or bool(query.filters.get("status"))
        around = self._surroundings(query.filters)
        found = [
            container
            for container in sorted(self.index, key=lambda item: item.record.created, reverse=True)
            if (everything or container.record.state.running)
            and filters.matches(container.record, query.filters, around)
        ]
        return found[: query.limit] if query.limit > 0 else found

    def _surroundings(self, wanted: Mapping[str, Values]) -> filters.Surroundings:
        before = [times.parse(self.index.find(ref).record.created) for ref in wanted.get("before", ())]
        since = [times.parse(self.index.find(ref).record.created) for ref in wanted.get("since", ())]
        return filters.Surroundings(
            self._ancestors(wanted["ancestor"]) if wanted.get("ancestor") else None,
            min(before) if before else None,
            max(since) if since else None,
            lambda record: self.networks.settings(record.id).get("Networks") or {},
            lambda record: self._published(record),
        )

    def _ancestors(self, refs: Values) -> frozenset[str]:
        """IDs of the named images and of the images made from them."""
        ids: set[str] = set()
        for ref in refs:
            image = self.images.find(ref)
            if image is None:
                continue  # as in Docker: an unknown ancestor has no descendants
            ids.add(image.id)
            own = image.diff_ids
            for record in (container.record for container in self.index):
                lower = self.images.find(record.image_id)
                if lower is not None and own and lower.diff_ids[: len(own)] == own:
                    ids.add(record.image_id)
        return frozenset(ids)

    def _row(self, container: Container) -> dict[str, Any]:
        record = container.record
        settings = self.networks.settings(record.id)
        return {
            "Id": record.id,
            "Names": [f"/{record.name}"],
            "Image": self._shown_image(record),
            "ImageID": record.image_id,
            "Command": command(record),
            "Created": times.parse(record.created) // 1_000_000_000,
            "Ports": self._published(record),
            "Labels": record.config.get("Labels") or {},
            "State": record.state.status,
            "Status": status(record.state),
            "HostConfig": {"NetworkMode": record.host_config["NetworkMode"]},
            "NetworkSettings": {"Networks": settings.get("Networks") or {}},
            "Mounts": [
                # A list shows a volume's name but not where it lies.
                {**point, "Source": ""} if point.get("Type") == "volume" else point
                for point in mountpoints.shown(record.mount_points)
            ],
        }

    def _shown_image(self, record: ContainerRecord) -> str:
        """What the user wrote, unless that name means another image by now."""
        image = self.images.find(record.image)
        return record.image if image is not None and image.id == record.image_id else record.image_id

    def _published(self, record: ContainerRecord) -> list[dict[str, Any]]:
        """The "Ports" of a list, sorted as Docker's client expects to print them."""
        found: list[dict[str, Any]] = []
        for port, bindings in (self.networks.settings(record.id).get("Ports") or {}).items():
            number, _, proto = port.partition("/")
            if not bindings:
                found.append({"PrivatePort": int(number), "Type": proto})
                continue
            for binding in bindings:
                found.append(
                    {
                        "IP": binding["HostIp"],
                        "PrivatePort": int(number),
                        "PublicPort": int(binding["HostPort"] or 0),
                        "Type": proto,
                    }
                )
        return found


def command(record: ContainerRecord) -> str:
    return " ".join([record.path, *(f"'{word}'" if " " in word else word for word in record.args)])


def status(state: State, now: float | None = None) -> str:
    """ "Up 5 minutes (healthy)", "Exited (0) 2 hours ago": Docker's human words."""
    now = time.time() if now is None else now
    if state.running:
        if state.restarting:
            return f"Restarting ({state.exit_code}) {age(now, state.finished_at)} ago"
        up = f"Up {age(now, state.started_at)}"
        if state.paused:
            return f"{up} (Paused)"
        health = (state.health or {}).get("Status")
        return f"{up} ({'health: starting' if health == 'starting' else health})" if health else up
    if state.removing:
        return "Removal In Progress"
    if state.dead:
        return "Dead"
    if state.started_at == times.ZERO:
        return "Created"
    if state.finished_at == times.ZERO:
        return ""
    return f"Exited ({state.exit_code}) {age(now, state.finished_at)} ago"


def age(now: float, since: str) -> str:
    return human_duration(now - times.parse(since) / 1e9)
