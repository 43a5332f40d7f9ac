"""Kubernetes' programs and Helm, compiled once from their Go modules."""
