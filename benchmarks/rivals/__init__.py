"""The neighbours the service is measured beside; each module is a server of its own, started as a process."""
