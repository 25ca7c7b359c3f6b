"""The rules of a pardna: standard library only, no I/O, no clock."""
