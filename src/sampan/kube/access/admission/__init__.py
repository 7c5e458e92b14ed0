"""What may change or refuse a write after it is authorized: built-in plugins, policies, webhooks."""
