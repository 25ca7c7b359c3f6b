"""What is done: one function a command, given an open book. They decide again under the lock and never send."""
