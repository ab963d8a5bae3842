"""A thin, deterministic hold on HiGHS: one linear program whose costs and bounds change between solutions.

What belongs here: building the program once, changing it in place so that the simplex starts warm, and
turning any status other than "optimal" and "infeasible" into an error. What does not: what the program means
(`suppress`, `audit`). One thread, fixed seed, so that the same program gives the same vertex.
"""

from __future__ import annotations

import highspy
import numpy as np
import numpy.typing as npt
from scipy import sparse

from assets.release.policy import ReleaseError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

INFINITY = highspy.kHighsInf
WARM_ROWS = 400
"""Programs with more rows are solved afresh each time: reducing them first beats starting from the last basis."""
MOST_NODES = 500
MOST_SECONDS = 20.0
"""Nodes and time spent on one integer question before it counts as unanswered, which stops a release."""


class _QuietSolver(highspy.Highs):
    """The solver without its banner, which it prints while it is made unless its output is off by then."""

    def enableCallbacks(self) -> None:  # noqa: N802  (the solver's own name; its constructor calls it)
        self.setOptionValue("output_flag", False)
        super().enableCallbacks()  # type: ignore[no-untyped-call]


def solver_version() -> str:
    """Return the solver's name and version, for a certificate."""
    version = _QuietSolver().version()  # type: ignore[no-untyped-call]
    return f"HiGHS {version}"


def quiet_solver(**options: float | int | str) -> highspy.Highs:
    """Return a solver that says nothing, works on one thread and always in the same way."""
    solver = _QuietSolver()  # type: ignore[no-untyped-call]
    for option, value in {"threads": 1, "random_seed": 0, "parallel": "off", **options}.items():
        solver.setOptionValue(option, value)
    return solver


class LinearProgram:
    """Optimise c x subject to b <= A x <= d, lower <= x <= upper; A is CSR (m, n), the rest (m,) or (n,).

    `at_most` is d; without it A x = b.
    """

    def __init__(
        self,
        matrix: sparse.csr_matrix,
        rhs: Floats,
        lower: Floats,
        upper: Floats,
        at_most: Floats | None = None,
    ) -> None:
        m, n = matrix.shape
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = n, m
        model.col_cost_ = np.zeros(n)
        model.col_lower_, model.col_upper_ = lower, upper
        model.row_lower_, model.row_upper_ = rhs, rhs if at_most is None else at_most
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = matrix.indptr
        model.a_matrix_.index_ = matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._n, self._whole, self._fresh = n, False, m > WARM_ROWS
        self._highs = quiet_solver(mip_max_nodes=MOST_NODES, mip_rel_gap=0.0)
        self._highs.passModel(model)

    def costs(self, columns: Ints, values: Floats) -> None:
        """Set the cost of some columns."""
        self._highs.changeColsCost(len(columns), columns.astype(np.int32), values)

    def bounds(self, columns: Ints, lower: Floats, upper: Floats) -> None:
        """Set the bounds of some columns."""
        self._highs.changeColsBounds(len(columns), columns.astype(np.int32), lower, upper)

    def whole(self, whole: bool) -> None:
        """Ask for whole numbers in every column, or no longer."""
        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        self._whole = whole
        self._highs.setOptionValue("time_limit", INFINITY)
        every = np.arange(self._n, dtype=np.int32)
        self._highs.changeColsIntegrality(self._n, every, np.full(self._n, int(kind), np.uint8))

    def reduced_costs(self) -> Floats:
        """Return what one more of each column costs at the last optimum, shape (n,)."""
        return np.asarray(self._highs.getSolution().col_dual, float)

    def solve(self, maximise: bool = False) -> Floats | None:
        """Return an optimal x, shape (n,), or None when there is none at all.

        Raises ReleaseError when the solver stops for another reason; an unbounded program counts as such.
        """
        sense = highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize
        self._highs.changeObjectiveSense(sense)
        if self._fresh:
            self._highs.clearSolver()
        if self._whole:  # the solver's clock runs on from one solution to the next
            self._highs.setOptionValue("time_limit", self._highs.getRunTime() + MOST_SECONDS)
        self._highs.run()
        status = self._highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            return np.asarray(self._highs.getSolution().col_value, float)
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        raise ReleaseError(
            f"the solver stopped with '{self._highs.modelStatusToString(status)}', expected an optimum; "
            "nothing was published: report it with the constraint hash"
        )
