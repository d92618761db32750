"""The command groups of `python -m ops`: each module registers its own commands."""
