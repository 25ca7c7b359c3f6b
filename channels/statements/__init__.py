"""Bank statements: one reader a format, and `reader.read` as the door to all of them."""
