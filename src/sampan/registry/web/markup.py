"""HTML made of elements, so that text can only be text: names, labels and histories come from anybody."""

from html import escape


class Html(str):
    """Markup; every other string is text, and is escaped."""

    __slots__ = ()


Child = str | int | None
_VOID = frozenset(("input", "link", "meta", "br", "hr"))


def text(child: Child) -> str:
    if child is None:
        return ""
    return child if isinstance(child, Html) else escape(str(child))


def join(*children: Child) -> Html:
    return Html("".join(text(child) for child in children))


def element(tag: str, /, *children: Child, **attributes: str | bool | None) -> Html:
    """`class_` and `for_` are those attributes; True: without a value; None and False: left out."""
    parts = [tag]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        parts.append(attribute if value is True else f'{attribute}="{escape(str(value))}"')
    opening = f"<{' '.join(parts)}>"
    return Html(opening if tag in _VOID else f"{opening}{join(*children)}</{tag}>")


def table(label: str, heads: list[str], rows: list[list[Child]], empty: Child) -> Html:
    """Cells carry their column's name for narrow screens. Columns named "#..." are numbers."""
    if not rows:
        return element("p", empty, class_="empty")
    names = [head.lstrip("#") for head in heads]
    numeric = [head.startswith("#") for head in heads]

    def cell(index: int, child: Child) -> Html:
        kind = "number" if numeric[index] else None
        return element("td", child, data_label=names[index] or None, class_=kind)

    head = element(
        "tr",
        *(
            element("th", name, scope="col", class_="number" if number else None)
            for name, number in zip(names, numeric, strict=True)
        ),
    )
    body = [element("tr", *(cell(index, child) for index, child in enumerate(row))) for row in rows]
    inner = element(
        "table", element("caption", label, class_="hidden"), element("thead", head), element("tbody", *body)
    )
    return element("div", inner, class_="scroll")
