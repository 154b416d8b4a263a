"""What the service answers, as frozen values: the contract's own schemas, without the server around them."""

from pydantic import BaseModel, ConfigDict, RootModel

from app.api.schemas import JobOut, ModelOut, ProblemOut, SolveOut, StepOut


class Answer(SolveOut):
    """An answer; `verified` is what the rules say of its `solution`, None where no rule can."""

    model_config = ConfigDict(frozen=True)

    @property
    def solved(self) -> bool:
        """Whether it is the solution, and not just the best grid so far."""
        return self.status == "solved"


class Step(StepOut):
    """The grid after one step of the model, and the cells (row, column, from 0) that the step changed."""

    model_config = ConfigDict(frozen=True)


class Problem(ProblemOut):
    """Why there is no answer (RFC 9457): `detail` tells what to mend, `errors` where."""

    model_config = ConfigDict(frozen=True)


class Job(JobOut):
    """A job, as it was when it was asked for."""

    model_config = ConfigDict(frozen=True)

    @property
    def ended(self) -> bool:
        """Whether there will be no more results."""
        return self.ended_at is not None


class Model(ModelOut):
    """A served model."""

    model_config = ConfigDict(frozen=True)


Result = Answer | Problem
"""What came of one puzzle among many."""


class AnyResult(RootModel[Result]):
    """The same as a document of its own."""


class Index(BaseModel):
    """Which puzzle of a batch a line is about."""

    index: int


class ResultList(BaseModel):
    """What came of a batch, in order."""

    results: list[Result]


class ModelList(BaseModel):
    """All models."""

    models: list[Model]
