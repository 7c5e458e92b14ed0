"""What the builder asks of a client that holds a session open, as BuildKit does. moby/buildkit session/"""
