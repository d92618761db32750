"""How endpoints come up, change and go: fleets, traffic, guardrails."""
