"""HTTP itself, in front of the application: sockets, TLS, limits, patience with slow clients."""
