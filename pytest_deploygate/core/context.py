"""What CI knows of a run: the commit, its branch, the pipeline, and their links."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_SHORT = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """Where a run belongs; what is not known is empty.

    Attributes:
        commit: its hash.
        commit_url: the commit's page.
        ref: the branch or tag.
        pipeline: the page of the pipeline, or of the build.
        version: of what is deployed.
    """

    commit: str = ""
    commit_url: str = ""
    ref: str = ""
    pipeline: str = ""
    version: str = ""

    @property
    def short_commit(self) -> str:
        """The commit as people write it."""
        return self.commit[:_SHORT]

    def facts(self) -> Iterator[tuple[str, str, str]]:
        """What is known: its name, its text, and a link or an empty text."""
        named = f"{self.short_commit} ({self.ref})" if self.commit and self.ref else ""
        if self.commit or self.ref:
            shown = named or self.short_commit or self.ref
            yield ("Commit" if self.commit else "Ref"), shown, web_link(self.commit_url)
        if self.version:
            yield "Version", self.version, ""
        if self.pipeline:
            yield "Pipeline", self.pipeline, web_link(self.pipeline)


def context_of(
    environ: Mapping[str, str], *, version: str = "", clean: Callable[[str], str] = str
) -> Context:
    """What GitHub Actions, GitLab CI or Jenkins says of its run; the first that says anything.

    Args:
        environ: the process's environment.
        version: of what is deployed, as the run was given it.
        clean: takes secrets out of a text.
    """
    for read in (_github, _gitlab, _jenkins):
        found = {name: clean(text.strip()) for name, text in read(environ.get).items()}
        if found["commit"] or found["pipeline"]:
            return Context(**found, version=version)
    return Context(version=version)


Get = Callable[[str, str], str]


def _github(get: Get) -> dict[str, str]:
    server, repository = (
        get("GITHUB_SERVER_URL", "https://github.com"),
        get("GITHUB_REPOSITORY", ""),
    )
    run, commit = get("GITHUB_RUN_ID", ""), get("GITHUB_SHA", "")
    page = f"{server}/{quote(repository)}"
    return {
        "commit": commit,
        "commit_url": f"{page}/commit/{quote(commit)}" if repository and commit else "",
        # of a pull request the other variable is the name of a merge that nobody knows
        "ref": get("GITHUB_HEAD_REF", "") or get("GITHUB_REF_NAME", ""),
        "pipeline": f"{page}/actions/runs/{quote(run)}" if repository and run else "",
    }


def _gitlab(get: Get) -> dict[str, str]:
    project, commit = get("CI_PROJECT_URL", ""), get("CI_COMMIT_SHA", "")
    return {
        "commit": commit,
        "commit_url": f"{project}/-/commit/{quote(commit)}" if project and commit else "",
        "ref": get("CI_COMMIT_REF_NAME", ""),
        "pipeline": get("CI_PIPELINE_URL", ""),
    }


def _jenkins(get: Get) -> dict[str, str]:
    return {
        "commit": get("GIT_COMMIT", ""),
        "commit_url": "",
        "ref": get("BRANCH_NAME", "") or get("GIT_BRANCH", ""),
        "pipeline": get("BUILD_URL", ""),
    }


def web_link(url: str) -> str:
    """A URL that may stand in a link; empty for every other text."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return ""
    plain = url.isascii() and url.isprintable() and not set(" \"'<>()[]|`\\") & set(url)
    return url if usable and plain else ""
