"""Complementary suppression over any system of equations: what else to hide, and at what price.

Lives here: problems in numbers alone, their reduction, the search and its proofs. May import: `assets.release.solver`.
May not: tables, policies, the system of a release (`assets.release.suppress` translates), and the audit.
"""

from assets.release.protection.engine import protect
from assets.release.protection.problem import QUICK, THOROUGH, Effort, Pattern, Problem, UnprotectableError

__all__ = ["QUICK", "THOROUGH", "Effort", "Pattern", "Problem", "UnprotectableError", "protect"]
