"""Certificate signing requests: approved where that needs nobody, signed, and cleared away."""
