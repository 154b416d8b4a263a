# The service as an image, with tracing (the otel extra). `--target cpu` (the default) has no torch; `--target cuda` runs the torch backend on a GPU.
# Dependencies are a layer of their own, made again only when their list changes; the code is the last layer but one.
ARG PYTHON=docker.io/library/python:3.11-slim

# the list of dependencies alone, so that no other line of pyproject.toml makes them be installed again
FROM ${PYTHON} AS requirements
WORKDIR /build
COPY pyproject.toml .
RUN ["python3", "-c", "import pathlib, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; extras = project['optional-dependencies']; pathlib.Path('cpu.txt').write_text('\\n'.join(project['dependencies'] + extras['otel'])); pathlib.Path('cuda.txt').write_text('\\n'.join(extras['torch'] + ['nvidia-ml-py~=13.0']))"]

# /opt/venv has no pip: it is filled from outside
FROM ${PYTHON} AS dependencies
WORKDIR /build
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/venv
COPY constraints.txt .
COPY --from=requirements /build/cpu.txt .
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --constraint constraints.txt --requirement cpu.txt

FROM dependencies AS cuda-dependencies
COPY --from=requirements /build/cuda.txt .
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --constraint constraints.txt --requirement cuda.txt

# the step in C is built here, for each instruction set; which of them runs is chosen where the image does
FROM dependencies AS application
# the base image's own compiler, whichever that is: it does not come along
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE ./
COPY app app
RUN /opt/pip/bin/pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --target /opt/trm . && \
    set -- /opt/trm/app/engine/native/*.so && { [ "$(uname -m)" != x86_64 ] || [ $# = 4 ]; }

FROM ${PYTHON} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="trm-serve" \
      org.opencontainers.image.description="REST microservice that solves puzzles with Tiny Recursive Models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# the official image has no bytecode of the standard library, and on a read-only root every process of every start would compile it anew
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin trm && \
    python3 -m compileall -q -x '/(test|tests|idlelib|lib2to3|ensurepip|site-packages|dist-packages)/' "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
ENV PATH=/opt/trm/bin:/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/trm \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TRM_HOST=0.0.0.0 \
    TRM_MODEL_STORE=/srv/model_store
# the bundled models; mount a volume here to serve others
COPY model_store /srv/model_store
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
# a 503 raises, and so does silence; a port of its own for health and metrics is asked first
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s --retries=3 \
    CMD ["/opt/venv/bin/python", "-S", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + (os.environ.get('TRM_METRICS_PORT') or os.environ.get('TRM_PORT', '8000')) + '/healthz', timeout=3)"]
ENTRYPOINT ["trm"]
CMD ["serve"]

FROM runtime AS cuda
ENV TRM_BACKEND=torch \
    TRM_DEVICE=cuda \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=cuda-dependencies /opt/venv /opt/venv
COPY --from=application /opt/trm /opt/trm
USER 10001:10001

FROM runtime AS cpu
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=application /opt/trm /opt/trm
USER 10001:10001
