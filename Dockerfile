# The workflow and the command `lastiterate` in a container: docker build -t lastiterate . && docker run -v "$PWD/out:/out" lastiterate
# Packages by hash from the same lock as `make`. Figures, tables and logs come to the folder that is mounted at /out.
FROM python:3.13-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
WORKDIR /lastiterate
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements.lock
COPY Snakefile environment.yml environment-train.yml CITATION.cff ./
COPY rules rules
COPY config config
COPY profiles profiles
COPY data data
COPY src src
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable .
WORKDIR /out
ENTRYPOINT ["snakemake", "--snakefile", "/lastiterate/Snakefile", "--cores", "all"]
