# espcam-bridge for Docker: docker build -t espcam-bridge .   (compose.yaml beside it brings a broker along)
#
# Two stages: PyTorch (some GB) exports the model once and stays behind; what runs has OpenVINO alone.

FROM python:3.12-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
# OpenCV loads these.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY bridge bridge

FROM base AS model
RUN pip install -c constraints.txt '.[yolo,export]'
WORKDIR /models
# The best form for a CPU: INT8, calibrated, kept only if it sees what the exact one does.
RUN ESPCAM_BRIDGE_MODELS=/models espcam-bridge models export yolo11n --output /models

FROM base
RUN pip install -c constraints.txt . \
 && useradd --create-home --uid 1000 espcam \
 && install -d -o espcam -g espcam /config /data
COPY --from=model /models /usr/share/espcam-bridge/models
COPY config/docker/entrypoint.sh /usr/local/bin/espcam-bridge-entrypoint
ENV ESPCAM_BRIDGE_MODELS=/data/models:/usr/share/espcam-bridge/models
USER 1000
# The history, pictures and what the bridge remembers; relative paths of the configuration begin here.
WORKDIR /data
VOLUME ["/config", "/data"]
EXPOSE 3001 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["espcam-bridge-entrypoint"]
CMD ["run"]
