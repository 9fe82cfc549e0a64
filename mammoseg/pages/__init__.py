"""HTML pages: how each is written, and the white sheet that reports and plans stand on."""
