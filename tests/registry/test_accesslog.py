"""The access log tells who asked for what, and no secret."""

import json
from pathlib import Path

import aiohttp

from sampan.http.app import bind_tcp
from sampan.registry.accesslog import AccessLog, timestamp
from sampan.registry.config import Config
from sampan.registry.metrics.measure import Metrics
from sampan.registry.serve import build
from sampan.registry.workers.serving import Front


async def test_lines_are_json_without_credentials(tmp_path: Path) -> None:
    metrics = Metrics()
    api = build(Config(root=str(tmp_path / "root")), metrics)
    log = AccessLog(str(tmp_path / "access.log"))
    front = Front(api, metrics, log)
    sock = bind_tcp("127.0.0.1", 0)
    front.listen(sock, None)
    try:
        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{sock.getsockname()[1]}/v2/a/tags/list?n=5&token=sekret&_state=sekret"
            headers = {"Authorization": "Bearer sekret", "Cookie": "a=sekret", "User-Agent": 'x"\n'[:2]}
            async with session.get(url, headers=headers) as response:
                assert response.status == 404
    finally:
        await front.stop(0.2)
        await api.stop()
        log.close()
        sock.close()
    text = (tmp_path / "access.log").read_text()
    assert "sekret" not in text
    line = json.loads(text)
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v2/a/tags/list", 404)
    assert (line["route"], line["repository"], line["query"]) == ("tags", "a", {"n": "5"})
    assert line["user_agent"] == 'x"'
    assert line["remote"] == "127.0.0.1"
    assert line["bytes_out"] > 0 and line["seconds"] > 0


def test_timestamps_are_rfc_3339() -> None:
    assert timestamp(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
