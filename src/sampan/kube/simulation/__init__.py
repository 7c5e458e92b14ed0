"""What a cluster would do with some objects, or with one node less. Nothing is changed."""
