"""The API server: requests in, objects out; what a kind adds stands in kinds/."""
