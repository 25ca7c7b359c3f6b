"""The service: command line, composition root, desk, relay, keeper and what people see."""
