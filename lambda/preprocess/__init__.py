"""One raw CSV object in, one validated, split, encoded and described dataset version out."""
