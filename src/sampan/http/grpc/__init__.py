"""gRPC over HTTP/2 on asyncio, both roles, on sockets that come from elsewhere. docs/decisions/own-grpc.md"""
