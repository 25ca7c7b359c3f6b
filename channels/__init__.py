"""Every outside party: verify, parse, send. Knows nothing of storage."""
