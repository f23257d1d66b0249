"""How a server is reached over HTTP."""
