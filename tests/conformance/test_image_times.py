"""How old an image is: by when it came here, not by what a reproducible image says of itself."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.client import Client
from tests.support.contexts import context
from tests.support.engine import Engine, Sampand

MODIFIED = "Tue, 05 Mar 2097 06:07:08 GMT"  # later than any base image


def built(engine: Engine, dockerfile: str, **query: str) -> str:
    answer = engine.api.post("/build", context({"Dockerfile": dockerfile}), **query)
    assert answer.status == 200, answer.body
    found = [line["aux"]["ID"] for line in answer.lines if "aux" in line]
    assert found, answer.body
    return str(found[0])


def ids(docker: Client, *filters: str) -> list[str]:
    """As `docker images` lists them."""
    flags = [word for text in filters for word in ("--filter", text)]
    return docker.ok("images", "-q", "--no-trunc", *flags).splitlines()


def test_a_prune_by_age_leaves_what_was_built_a_second_ago(own: Sampand, docker: Client, unique: str) -> None:
    image = built(own, f"FROM scratch\nLABEL a={unique}\n")
    assert docker.inspect(image, "image")["Created"].startswith("1970")
    chosen = ("--filter", f"label=a={unique}")
    docker.ok("image", "prune", "-f", "--filter", "until=1h", *chosen)
    assert image in ids(docker)
    docker.ok("image", "prune", "-f", *chosen)
    assert image not in ids(docker)


def test_an_image_from_scratch_is_as_old_as_1970(
    own: Sampand, docker: Client, sampan_client: Client, unique: str
) -> None:
    built(own, f"FROM scratch\nLABEL a={unique}\n", t=unique)
    shown = [client.ok("images", unique) for client in (docker, sampan_client)]
    assert shown[0] == shown[1] and "years ago" in shown[0]
    docker.ok("rmi", unique)


def test_images_are_in_the_order_in_which_they_came(own: Sampand, docker: Client, unique: str) -> None:
    images = [built(own, f"FROM scratch\nLABEL a={unique} n={n}\n", t=f"{unique}:{n}") for n in range(3)]
    ours = f"label=a={unique}"
    assert ids(docker, ours) == images[::-1]
    assert ids(docker, ours, f"before={unique}:1") == [images[0]]
    assert ids(docker, ours, f"since={unique}:1") == [images[2]]
    assert ids(docker, ours, "until=1h") == []
    own.kill()
    own.start()
    assert ids(docker, ours) == images[::-1]
    docker.ok("rmi", *(f"{unique}:{n}" for n in range(3)))


@pytest.fixture
def url() -> Iterator[str]:
    """A file that was last modified at MODIFIED."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Last-Modified", MODIFIED)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/file"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_added_by_url_is_as_old_as_its_server_says(
    own: Sampand, docker: Client, image: str, url: str, unique: str
) -> None:
    built(own, f"FROM {image}\nADD {url} /file\n", t=unique)
    shown = docker.ok("run", "--rm", unique, "date", "-u", "-r", "/file", "+%Y-%m-%dT%H:%M:%S")
    assert shown == "2097-03-05T06:07:08"
    docker.ok("rmi", unique)
