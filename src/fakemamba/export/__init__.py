"""From torch to files that run without it, and to smaller ones; every export is compared with what it was made of."""
