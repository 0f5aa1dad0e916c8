# mriseg in a container: docs/containers.md says how to run it with Docker and Apptainer.
FROM python:3.12-slim-bookworm AS build
COPY . /source
RUN python3 -m venv /opt/mriseg && /opt/mriseg/bin/pip install --no-cache-dir --compile /source

FROM python:3.12-slim-bookworm
COPY --from=build /opt/mriseg /opt/mriseg
# A user without a home may run it, and nothing but the folder of the results need be writable.
ENV PATH=/opt/mriseg/bin:$PATH PYTHONDONTWRITEBYTECODE=1
WORKDIR /data
USER 1000
ENTRYPOINT ["mriseg"]
