# Images of mammoseg, from requirements.lock; docs/deployment.md shows how each is built and run.
#   docker build --target server .    the label server, with all of mammoseg
#   docker build --target runtime .   `mammoseg predict` alone, without torch
#   docker build --target archive .   an Orthanc for compose.yaml
#   docker build --target proxy .     TLS, login and OHIF before both

FROM python:3.11-slim-bookworm AS full
# torch without CUDA's libraries; every other package is that of PyPI.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
WORKDIR /opt/mammoseg
COPY . .
RUN sh scripts/install.sh

FROM full AS wheel
RUN .venv/bin/python scripts/build_runtime.py --output /wheel

FROM python:3.11-slim-bookworm AS runtime
COPY --from=wheel /wheel /wheel
COPY requirements.lock /wheel/
RUN pip install --no-cache-dir --constraint /wheel/requirements.lock /wheel/*.whl \
    && rm -r /wheel \
    && useradd --create-home mammoseg
USER mammoseg
WORKDIR /data
ENTRYPOINT ["mammoseg"]

FROM node:22-bookworm-slim AS annotate
WORKDIR /opt/mammoseg
COPY scripts/build_annotate.sh scripts/
COPY monailabel_app/annotate monailabel_app/annotate
RUN sh scripts/build_annotate.sh

FROM full AS server
COPY --from=annotate /opt/mammoseg/monailabel_app/annotate/built monailabel_app/annotate/built
# An installed package writes what it trains into the working directory, never beside its code.
RUN .venv/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home mammoseg \
    && mkdir /data \
    && chown mammoseg /data
USER mammoseg
WORKDIR /data
EXPOSE 8000
ENTRYPOINT ["/opt/mammoseg/.venv/bin/python", "-m", "monailabel_app"]

FROM debian:bookworm-slim AS archive
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends orthanc orthanc-dicomweb \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner orthanc /data
COPY docker/orthanc.json /etc/mammoseg/orthanc.json
USER orthanc
EXPOSE 8042 4242
ENTRYPOINT ["Orthanc", "/etc/mammoseg/orthanc.json"]

FROM node:22-bookworm-slim AS viewer
WORKDIR /opt/mammoseg
COPY scripts/fetch_viewer.sh scripts/
COPY tests/viewer/package.json tests/viewer/package-lock.json tests/viewer/
RUN sh scripts/fetch_viewer.sh

FROM nginx:1.27-bookworm AS proxy
COPY --from=viewer /opt/mammoseg/build/viewer/ohif /srv/ohif
COPY mammoseg/viewer/config.json /srv/config.json
COPY docker/nginx.conf /etc/nginx/conf.d/default.conf
