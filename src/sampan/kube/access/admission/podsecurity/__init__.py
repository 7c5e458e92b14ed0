"""Pod Security Standards: what pods of a namespace may do, by the namespace's labels."""
