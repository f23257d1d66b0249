# The gate as a container, for checks that are mounted or copied to /checks:
#   docker build -t pytest-deploygate .
#   docker run --rm -v "$PWD:/checks" -e PROMETHEUS_URL=https://prometheus.example.com pytest-deploygate
# Building asks the package index, and nothing else.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml LICENSE ./
COPY gate_checks gate_checks
COPY pytest_deploygate pytest_deploygate
RUN pip wheel --no-cache-dir --wheel-dir /wheels ".[calendar,compare]"

FROM python:${PYTHON}-slim
COPY --from=build /wheels /wheels
# The wheels are the versions.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --no-index --find-links /wheels "pytest-deploygate[calendar,compare]" \
    && rm -r /wheels \
    && useradd --uid 1000 --create-home gate
USER 1000
WORKDIR /checks
# Reports go where the options say; nothing else is written into a directory that is mounted.
ENV PYTHONDONTWRITEBYTECODE=1 PYTEST_ADDOPTS="-p no:cacheprovider"
ENTRYPOINT ["pytest", "-p", "deploygate"]
