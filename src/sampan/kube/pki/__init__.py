"""Keys, certificates and signatures: what the API server and the controllers make, read and check."""
