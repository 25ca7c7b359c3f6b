"""The words of the command line that are more than a call."""
