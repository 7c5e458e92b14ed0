"""What Prometheus reads at /metrics, summed over all processes."""
