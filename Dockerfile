# One machine with CUDA devices: openrs with vLLM and DeepSpeed, at the versions that were tested together.
#
#   docker build -t openrs .
#   docker run --gpus all --shm-size 16g -v "$PWD/outputs:/study/outputs" -v "$HOME/.cache/huggingface:/cache" \
#       openrs experiment=exp3 data=mixed
#
# Not built so far: no machine with Docker and a GPU was at hand.
FROM nvidia/cuda:13.0.1-devel-ubuntu24.04
# Triton compiles kernels when they first run: it needs a compiler and Python's headers
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-dev python3-venv gcc g++ git \
    && rm -rf /var/lib/apt/lists/*
ENV VIRTUAL_ENV=/opt/openrs PATH=/opt/openrs/bin:$PATH HF_HOME=/cache
WORKDIR /opt/source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY analysis analysis
COPY conf conf
COPY sweeps sweeps
COPY openrs openrs
RUN python3 -m venv /opt/openrs \
    && pip install --no-cache-dir --constraint constraints.txt '.[vllm,deepspeed]'
WORKDIR /study
ENTRYPOINT ["openrs"]
CMD ["--help"]
