"""Registers one endpoint's variant for automatic scaling, for CloudFormation."""
