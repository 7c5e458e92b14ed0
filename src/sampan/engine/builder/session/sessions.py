"""The sessions that clients hold open, by id.

sessions = Sessions(Contexts(data / "build" / "contexts"))
await sessions.serve(hijacked.socket, hijacked.leftover, request.headers)   # until it has ended
session = await sessions.get(id, timeout=5)                                # waits for it to come; NotFound
requester = SessionRequester(session, sessions.contexts)
"""
