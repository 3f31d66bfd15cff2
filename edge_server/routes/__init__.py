"""HTTP in, calls of the parts, HTTP out. What happens lives in the parts."""
