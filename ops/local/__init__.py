"""The AWS on this machine: starting it, deploying to it, stopping it."""
