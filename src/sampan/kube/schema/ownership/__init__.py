"""Which manager owns which fields of an object, and server-side apply."""
