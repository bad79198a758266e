"""Models as files: our own folder format, and the import of checkpoints that other people trained."""
