"""`--share-engine-store`: an engine's images are served, pushed ones become its own; no bytes copied."""
