"""Another's bundle, looked through without running anything of it."""
