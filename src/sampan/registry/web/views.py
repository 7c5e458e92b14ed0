"""The pages themselves: from data to markup. Pure."""

from sampan.registry.web import layout
from sampan.registry.web.data import PAGE, Image, Part, RepositoryRow, Step, TagRow
from sampan.registry.web.formatting import ago, count, short, size
from sampan.registry.web.layout import (
    command,
    delete_path,
    facts,
    link,
    manifest_path,
    repository_path,
    trail,
)
from sampan.registry.web.markup import Child, Html, element, join, table


def repository_list(
    rows: list[RepositoryRow], total: int, words: str, number: int, now: float, host: str
) -> Html:
    title = f'Repositories with "{words}"' if words else "Repositories"
    body: list[list[Child]] = [
        [
            link(repository_path(row.name), row.name),
            row.tags,
            size(row.bytes),
            ago(row.updated, now),
            ago(row.pulled, now),
        ]
        for row in rows
    ]
    if words:
        empty: Child = "Nothing here has that in its name."
    else:
        empty = join(
            "Nothing here yet. ", element("code", f"docker push {host}/NAME:TAG"), " brings the first."
        )
    return join(
        element("h1", title),
        element("p", count(total, "repository").replace("repositorys", "repositories"), class_="facts"),
        table(title, ["Name", "#Tags", "#Size", "Pushed", "Last pulled"], body, empty),
        layout.pages("/", number, total, PAGE, q=words),
    )


def repository(name: str, rows: list[TagRow], total: int, number: int, now: float, host: str) -> Html:
    body: list[list[Child]] = [
        [
            link(manifest_path(name, row.name), row.name),
            chips(row.platforms),
            size(row.size),
            element("code", short(row.digest), class_="digest"),
            ago(row.updated, now),
            ago(row.pulled, now),
        ]
        for row in rows
    ]
    pull: Child = None
    if rows:
        tag = next((row.name for row in rows if row.name == "latest"), rows[0].name)
        pull = command("pull", f"docker pull {host}/{name}:{tag}")
    return join(
        trail(link("/", "Repositories")),
        element("h1", name),
        element("p", count(total, "tag"), class_="facts"),
        pull,
        table(
            f"Tags of {name}",
            ["Tag", "Platforms", "#Size", "Digest", "Pushed", "Last pulled"],
            body,
            "No tags: what is here can be pulled by its digest.",
        ),
        layout.pages(repository_path(name), number, total, PAGE),
    )


def chips(words: tuple[str, ...]) -> Html:
    return join(*(element("span", word, class_="chip") for word in words))


def image(
    name: str, reference: str, found: Image, referrers: list[Part], now: float, host: str, *, deletable: bool
) -> Html:
    manifest = found.manifest
    tagged = ":" not in reference
    joint = ":" if tagged else "@"
    commands: list[Child] = [command("pull", f"docker pull {host}/{name}{joint}{reference}")]
    if tagged:
        commands.append(command("pull-digest", f"docker pull {host}/{name}@{manifest.digest}"))
    about: list[tuple[str, Child]] = [
        ("Digest", element("code", manifest.digest)),
        ("Type", element("code", manifest.media_type)),
        ("Size", size(found.size)),
        ("Pushed", ago(found.pushed, now)),
        ("Last pulled", ago(found.pulled, now)),
    ]
    if found.tags:
        about.append(
            ("Tags", join(*(link(manifest_path(name, tag), tag, class_="chip") for tag in found.tags)))
        )
    return join(
        trail(link("/", "Repositories"), link(repository_path(name), name)),
        element("h1", f"{name}{joint}{reference if tagged else short(reference)}"),
        *commands,
        element("h2", "About"),
        facts(about),
        _parts(name, "Platforms", found.parts) if found.parts else None,
        *_layers(found),
        *_pairs("Configuration", found.config),
        *_pairs("Labels", found.labels),
        _parts(name, "Refers to this", tuple(referrers)) if referrers else None,
        element("p", link(delete_path(name, reference), "Delete…", class_="button danger"), class_="actions")
        if deletable
        else None,
    )


def _parts(name: str, title: str, parts: tuple[Part, ...]) -> Html:
    rows: list[list[Child]] = [
        [
            part.platform or part.kind or "other",
            link(manifest_path(name, part.digest), element("code", short(part.digest), class_="digest"))
            if part.size is not None
            else element("code", short(part.digest), class_="digest"),
            "not here" if part.size is None else size(part.size),
        ]
        for part in parts
    ]
    return join(element("h2", title), table(title, ["What", "Digest", "#Size"], rows, ""))


def _layers(found: Image) -> list[Child]:
    steps = found.steps or tuple(Step("", "", layer) for layer in found.layers)
    if not steps:
        return []
    rows: list[list[Child]] = []
    for step in steps:
        layer = step.layer
        what: Child = element("code", step.command) if step.command else None
        if layer is not None and what is None:
            what = element("code", layer.media_type)
        place = (
            element("code", short(layer.digest), title=layer.digest, class_="digest") if layer else "no layer"
        )
        rows.append([what, place, size(layer.size) if layer else ""])
    title = f"History, {count(len(found.layers), 'layer')}" if any(s.command for s in steps) else "Layers"
    return [element("h2", title), table(title, ["Made by", "Layer", "#Size"], rows, "")]


def _pairs(title: str, items: tuple[tuple[str, str], ...]) -> list[Child]:
    return [element("h2", title), facts(items, code=True)] if items else []


def confirm(name: str, reference: str, found: Image, token: str) -> Html:
    """What a delete would do, and the form that does it."""
    tagged = ":" not in reference
    if tagged:
        what = (
            f"The tag {reference} goes; the image stays, under its digest, until garbage collection takes it."
        )
    elif found.tags:
        what = f"The image goes, and with it {count(len(found.tags), 'tag')}: {', '.join(found.tags)}."
    else:
        what = "The image goes."
    form = element(
        "form",
        element("input", type="hidden", name="token", value=token),
        element("button", "Delete", type="submit", class_="danger"),
        " ",
        link(manifest_path(name, reference), "Cancel", class_="button"),
        method="post",
        action=delete_path(name, reference),
    )
    return join(
        trail(link("/", "Repositories"), link(repository_path(name), name)),
        element("h1", f"Delete {name}{':' if tagged else '@'}{reference if tagged else short(reference)}?"),
        element("p", what),
        form,
    )


def problem(message: str) -> Html:
    return join(
        element("h1", "That did not work"), element("p", message), element("p", link("/", "Repositories"))
    )
