"""The shapes of each protocol, each once: documents in, documents out. Knows nothing of Flask."""
