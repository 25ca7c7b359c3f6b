"""The ways money comes in and goes out, one adapter a module, none of which knows its neighbours."""
