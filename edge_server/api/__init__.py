"""The description of the server's own interface, read from the code that answers."""
