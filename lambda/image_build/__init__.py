"""Builds container images for CloudFormation, by CodeBuild."""
