"""The group autoscaling, and Scale, by which other groups are scaled."""
