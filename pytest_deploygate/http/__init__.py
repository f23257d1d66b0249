"""How requests are sent over HTTP, to any server."""
