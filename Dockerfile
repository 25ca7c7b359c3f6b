# syntax=docker/dockerfile:1
# The service's image. Two stages: what builds stays behind, what runs holds Python, the locked packages and our code.
# Not built in this repository's own checks; see CONTRIBUTING.md.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/pardna
WORKDIR /src
COPY requirements.txt ./
RUN /opt/pardna/bin/pip install --no-deps --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY domain domain
COPY channels channels
COPY storage storage
RUN /opt/pardna/bin/pip install --no-deps --no-build-isolation . \
    && /opt/pardna/bin/pip uninstall --yes pip

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /home/pardna --create-home pardna
COPY --from=build /opt/pardna /opt/pardna
ENV PATH=/opt/pardna/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PARDNA_ENV=production \
    PARDNA_HOME=/home/pardna/.pardna \
    PORT=8080
USER pardna
WORKDIR /home/pardna
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=2)"]
ENTRYPOINT ["pardna"]
CMD ["serve"]
