"""Inference components: several models on the instances of one endpoint, counted in copies."""
