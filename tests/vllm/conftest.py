"""The environment in which vLLM for CPUs trains: `make test-vllm`."""

import os
import shutil
from pathlib import Path

import pytest

from openrs.paths import ROOT

HERE = Path(__file__).parent
METADATA = {
    "cpu_sync-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: cpu-sync\nVersion: 1.0\n",
    "cpu_sync-1.0.dist-info/entry_points.txt": "[vllm.general_plugins]\ncpu_sync = cpu_sync:register\n",
    # TRL asks for the version of a package of this name
    "vllm-0.31.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: vllm\nVersion: 0.31.0+cpu\n",
}


@pytest.fixture(scope="session")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables with which every process has the plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copy(HERE / "cpu_sync.py", folder)
    for name, text in METADATA.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS": "1800",
        "OMP_NUM_THREADS": str(os.cpu_count() or 1),
    }
