"""What all pages share: head, search, trail, errors; and the headers that keep hostile content harmless."""

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from aiohttp import web

from sampan.registry.web.markup import Child, Html, element, join
from sampan.registry.web.visitor import Visitor

# No script, style, image or form target but our own; no frame around us; nothing inline.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'none'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def repository_path(name: str) -> str:
    return f"/ui/repository/{quote(name, safe='/')}"


def manifest_path(name: str, reference: str) -> str:
    return f"/ui/manifest/{quote(name, safe='/')}/{quote(reference, safe='')}"


def delete_path(name: str, reference: str) -> str:
    return f"/ui/delete/{quote(name, safe='/')}/{quote(reference, safe='')}"


def link(target: str, *children: Child, **attributes: str) -> Html:
    return element("a", *children, href=target, **attributes)


def page(
    title: str, *content: Child, visitor: Visitor | None = None, words: str = "", status: int = 200
) -> web.Response:
    """A whole page. `title` is text."""
    who: Child = None
    if visitor is not None and visitor.actor.name:
        who = element("span", "signed in as ", element("b", visitor.actor.name), class_="who")
    elif visitor is not None and visitor.may_sign_in:
        who = link("/sign-in", "Sign in")
    search = element(
        "form",
        element("label", "Search repositories", for_="q", class_="hidden"),
        element("input", type="search", id="q", name="q", value=words, placeholder="Search repositories"),
        element("button", "Search", type="submit"),
        action="/",
        method="get",
        class_="search",
        role="search",
    )
    body = element(
        "body",
        link("#content", "Skip to content", class_="skip"),
        element("header", element("div", link("/", "Registry", class_="brand"), search, who)),
        element("main", *content, id="content", tabindex="-1"),
        element("footer", "Served by Sampan"),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("link", rel="stylesheet", href="/ui/style.css"),
        element("link", rel="icon", href="/ui/icon.svg", type="image/svg+xml"),
        element("script", src="/ui/page.js", defer=True),
    )
    text = join(Html("<!doctype html>"), element("html", head, body, lang="en"))
    return web.Response(
        text=text, status=status, content_type="text/html", charset="utf-8", headers=dict(HEADERS)
    )


def trail(*steps: Child) -> Html:
    parts: list[Child] = []
    for step in steps:
        parts += [" / ", step] if parts else [step]
    return element("nav", *parts, class_="trail", aria_label="Breadcrumb")


def command(id: str, text: str) -> Html:
    """A line to paste, with a button that copies it."""
    button = element("button", "Copy", type="button", data_copy=id, hidden=True, aria_label=f"Copy: {text}")
    return element("div", element("code", text, id=id), button, class_="command")


def facts(items: Sequence[tuple[str, Child]], *, code: bool = False) -> Html:
    rows: list[Child] = []
    for label, value in items:
        rows += [element("dt", label), element("dd", element("code", value) if code else value)]
    return element("dl", *rows)


def pages(path: str, number: int, total: int, size: int, **query: str) -> Html | None:
    """Links to the page before and the next."""
    last = max(1, -(-total // size))
    if last == 1:
        return None

    def to(target: int, label: str, rel: str) -> Html:
        return link(f"{path}?{urlencode({**query, 'page': target})}", label, rel=rel)

    return element(
        "nav",
        to(number - 1, "Newer" if "q" not in query else "Previous", "prev") if number > 1 else None,
        f"page {number} of {last}",
        to(number + 1, "Older" if "q" not in query else "Next", "next") if number < last else None,
        class_="pages",
        aria_label="Pages",
    )
