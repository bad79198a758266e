"""Makes the built-in model: `python -m recipes.builtin --corpus ../shared/corpus`."""
