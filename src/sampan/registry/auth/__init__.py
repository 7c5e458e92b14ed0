"""Who is asking (htpasswd, bearer tokens, nobody) and what they may do (rules per repository)."""
