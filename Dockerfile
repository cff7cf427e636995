# pfsetl with its flows and buckets, from the wheel: no checkout, no secrets, no root. docs/operations.md says how it's used.
FROM python:3.11-slim AS wheel
ENV PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY src src
COPY schemas schemas
RUN python -m pip wheel --no-deps --wheel-dir /dist .

FROM python:3.11-slim
ENV PIP_NO_CACHE_DIR=1
COPY constraints.txt /opt/pfsetl/
COPY --from=wheel /dist /opt/pfsetl
RUN python -m pip install --constraint /opt/pfsetl/constraints.txt "$(echo /opt/pfsetl/pfsetl-*.whl)[flows,s3]"
RUN install -d -o 65534 -g 65534 /var/lib/pfsetl
# Copies of archives and Prefect's files may be lost; a store belongs into a bucket, or on a volume.
ENV HOME=/var/lib/pfsetl PYTHONUNBUFFERED=1
WORKDIR /var/lib/pfsetl
USER 65534:65534
CMD ["pfsetl", "--help"]
