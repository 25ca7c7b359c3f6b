"""The chat networks, one adapter a module, none of which knows its neighbours."""
