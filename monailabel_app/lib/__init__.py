"""Parts of the app; `main.py` puts them together, `server.py` serves them."""
