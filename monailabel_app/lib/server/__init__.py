"""The HTTP server around the app: routes, limits, jobs."""
