"""What all HTTP APIs share on top of aiohttp: sockets, versions, errors, hijacking."""
