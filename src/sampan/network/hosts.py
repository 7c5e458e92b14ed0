"""/etc/hosts and /etc/hostname of a container, as Docker writes them."""

from collections.abc import Iterable, Sequence

LOOPBACK: tuple[tuple[str, str], ...] = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::0", "ip6-localnet"),
    ("ff00::0", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)


def hosts_file(extra: Iterable[tuple[str, str]], own: Iterable[str], names: str) -> str:
    """`extra` are (address, names) of --add-host and links; `own` the container's addresses."""
    lines = [*LOOPBACK, *extra, *((address, names) for address in own)]
    return "".join(f"{address}\t{name}\n" for address, name in lines)


def own_names(hostname: str, domain: str) -> str:
    """ "web.example.org web" for a host with a domain, else just its name."""
    if domain:
        return f"{hostname}.{domain} {hostname}"
    host, dot, _ = hostname.partition(".")
    return f"{hostname} {host}" if dot and host else hostname


def without(text: str, addresses: Iterable[str], names: str) -> str:
    """Take out the lines that give `names` one of the addresses, as a disconnect does."""
    gone = {f"{address}\t{names}" for address in addresses}
    return "".join(line for line in text.splitlines(keepends=True) if line.rstrip("\n") not in gone)


def with_added(text: str, entries: Sequence[tuple[str, str]]) -> str:
    """`entries` are (address, names), the names separated by spaces; what is there already is added again."""
    if text and not text.endswith("\n"):
        text += "\n"
    return text + "".join(f"{address}\t{name}\n" for address, name in entries)
