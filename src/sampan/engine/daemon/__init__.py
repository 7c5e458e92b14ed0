"""One life of sampand: its settings, its sockets, and the assembly of the engine's parts."""
