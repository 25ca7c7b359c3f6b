"""Phones in the browser and a clock that can be moved: development only."""
