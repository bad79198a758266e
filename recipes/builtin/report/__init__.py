"""What the finished model does with audio that it wasn't trained on, as tables, plots and a page for docs/."""
