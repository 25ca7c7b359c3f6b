"""The only door: web hooks of the providers, health, and the pages that people open."""
