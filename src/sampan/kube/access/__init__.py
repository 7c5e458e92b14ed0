"""Who may do what: authentication, authorization, admission, audit, certificates."""
