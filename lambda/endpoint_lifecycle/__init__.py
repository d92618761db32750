"""What the stack of an endpoint asks while it is deployed: does it serve, and does it scale."""
