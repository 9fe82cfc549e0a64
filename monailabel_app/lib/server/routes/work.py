"""What work that outlasts its request has in common: asked about with GET, ended with DELETE."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from monailabel_app.lib.login.roles import Person, Role
from monailabel_app.lib.server.gate import Needs
from monailabel_app.lib.server.routes import Audit, TheApp, TheJobs, Viewer


def add_progress(
    router: APIRouter,
    path: str,
    kind: str,
    *,
    stopped_by: Role,
    details: Callable[[Any, dict[str, Any]], dict[str, Any]] = lambda app, record: {},
) -> None:
    """Add both routes.

    Args:
        kind: kind of the jobs.
        stopped_by: role that may end them.
        details: function that tells more about the last job, by the app and the job's record.
    """

    @router.get(path, summary="Progress")
    def answer_status(
        person: Viewer, app: TheApp, jobs: TheJobs, all: bool = False, check_if_running: bool = False
    ) -> Any:
        found = jobs.describe(kind, all=all, check_if_running=check_if_running)
        last = found[-1] if isinstance(found, list) else found
        last |= details(app, last)
        return found

    @router.delete(path, summary="Stop")
    def stop(person: Annotated[Person, Depends(Needs(stopped_by))], jobs: TheJobs, audit: Audit) -> Any:
        audit.record(person.name, f"stop {kind.replace('_', ' ')}")
        return jobs.stop(kind)
