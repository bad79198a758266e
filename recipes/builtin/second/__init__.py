"""A second test, opened once: telephone prompts against fakes of families that no earlier table holds.

    python -m recipes.builtin.second --work runs/builtin

Its tables aren't among the recipe's steps: there they would change the bank, and be met unasked.
"""
