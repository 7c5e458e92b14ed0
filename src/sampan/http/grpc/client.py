"""The client's side: calls on a connection that was taken over.

    connection = await connect(hijacked.socket, hijacked.leftover)
    answer = await connection.unary(schema.method("grpc.health.v1.Health", "Check"), request, timeout=5)
    async with connection.call(method, metadata={"dir-name": ["context"]}) as call:
        await call.send(message)
        async for message in call: ...
    connection.closed      # a future: done when the connection has ended
    await connection.close()

Leaving the `async with` before the call has ended cancels it at the server.
"""
