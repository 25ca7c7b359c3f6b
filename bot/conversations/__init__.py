"""Pure state machines: what was said, and what is known, become what to say and what to do. No I/O, no clock."""
