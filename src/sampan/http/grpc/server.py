"""The server's side: services on a connection that was taken over.

    routes = Routes(schema)
    routes.add("moby.buildkit.v1.Control", {"Solve": self.solve, "Status": self.status})
    await serve(hijacked.socket, hijacked.leftover, routes)  # until the client is gone

A handler's form follows from its method (one message in or a stream of them, one out or a stream):

    async def solve(request: Any, call: ServerCall) -> Any: ...    # unary: returns the answer
    async def status(request: Any, call: ServerCall) -> None: ...  # server stream: await call.send(message)
    async def collect(call: ServerCall) -> Any: ...                # client stream: async for message in call
    async def session(call: ServerCall) -> None: ...               # both

Raising ends the call with that status: GrpcError as it is, another SampanError by `as_grpc`, anything else is
a bug: logged, and INTERNAL to the client. A client that cancels, or is gone, cancels the handler's task; so does
its deadline.
"""
