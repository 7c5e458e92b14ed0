"""Where objects are kept: one interface, SQLite and etcd behind it, the watch cache in front."""
