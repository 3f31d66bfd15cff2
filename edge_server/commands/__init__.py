"""What `python -m edge_server` does besides serving."""
