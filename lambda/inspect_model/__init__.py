"""Reads a trained model's archive before it is registered, and says which files are in it."""
