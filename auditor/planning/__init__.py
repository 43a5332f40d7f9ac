"""Findings to a Plan: which steps, in which order, and what is held back and why. Pure and deterministic."""

from auditor.planning.plan import plan

__all__ = ["plan"]
