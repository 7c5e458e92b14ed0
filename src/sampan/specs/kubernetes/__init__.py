"""What Kubernetes specifies: quantities, names, selectors, times, statuses and errors of fields."""
