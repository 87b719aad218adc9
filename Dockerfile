# docker build --tag imagenetq .
# docker run --rm --gpus all --shm-size 8g --volume "$PWD:/work" imagenetq eval --model timm/resnet50
#
# A folder that is mounted at /work must be writable for the user: give --user "$(id -u)" if it is not.
FROM nvidia/cuda:12.8.1-runtime-ubuntu24.04

# Ubuntu keeps only the newest security fixes of a package, so no version stays installable.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/imagenetq \
    && useradd --create-home --uid 10001 imagenetq \
    && install --directory --owner imagenetq /work

ENV PATH=/opt/imagenetq/bin:$PATH \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

WORKDIR /tmp/source
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE dataset_card.md ./
COPY docs/preview.jpg docs/
COPY leaderboard/datasets leaderboard/datasets
COPY leaderboard/reference leaderboard/reference
COPY src src
COPY builder builder
COPY evaluate evaluate
# What belongs together is stated by the package itself.
# hadolint ignore=DL3013
RUN pip install '.[eval]' && rm -rf /tmp/source

USER 10001
WORKDIR /work
ENTRYPOINT ["imagenetq"]
CMD ["--help"]
