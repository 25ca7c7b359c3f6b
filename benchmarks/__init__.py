"""What the figures of README.md come from: the service and its neighbours under one load, in one run."""
