"""This machine: devices, memory, disk, packages, ports, and the services on the network that it reaches.

No heavy package is imported.
"""

import ctypes
import netrc
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, util
from pathlib import Path
from typing import Any

from openrs.paths import ROOT

GIB = 2**30
PATIENCE = 2.0
"""Seconds that a service may take to answer a survey of the machine."""
WANDB_HOST = "api.wandb.ai"
NOT_PASSED_ON = (407, 502, 503, 504)
"""Statuses with which a proxy answers for a host that it did not reach."""
NVIDIA_SECONDS = 20.0
"""Time for NVIDIA's driver to answer."""
_hangs = False
"""Whether it did not, and is not waited for again by this process."""
CPU = "CPU"
"""The kind of device that every CPU is."""
FORM = re.compile(r"[ -](?:\d+ ?GB|SXM\d*|PCIe|NVL|HBM\d\w*|MIG .*)(?=[ -]|$)", re.IGNORECASE)
"""Memory size, bus form and slice in a device's name."""


def within(seconds: float, question: Callable[[], Any]) -> Any:
    """The question's answer, or None where it fails or takes longer (a name server may hang)."""
    answer: list[Any] = []

    def run() -> None:
        try:
            answer.append(question())
        except Exception:  # the caller needs no more than yes or no
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else None


def reaches(url: str, seconds: float = 3) -> bool:
    """Whether the host of a URL (or a bare host name, by https) answers, through a proxy where one is set."""
    import urllib.error  # tables, which ask this machine nothing, need not wait for these two
    import urllib.request

    request = urllib.request.Request(url if "//" in url else f"https://{url}", method="HEAD")

    def answers() -> bool:
        try:
            # urlopen keeps the proxies of its first call in this process
            with urllib.request.build_opener().open(request, timeout=seconds):
                return True
        except urllib.error.HTTPError as error:  # a host that refuses has been reached
            return error.code not in NOT_PASSED_ON

    return bool(within(seconds, answers))


def wandb_key() -> bool:
    """Whether W&B has a key on this machine: WANDB_API_KEY, or the one that `wandb login` stored."""
    try:
        stored = netrc.netrc().authenticators(WANDB_HOST)
    except (OSError, netrc.NetrcParseError):
        stored = None
    return bool(os.environ.get("WANDB_API_KEY") or stored)


def visible_devices() -> list[int]:
    """Memory of each visible NVIDIA device in GiB, as its driver and CUDA_VISIBLE_DEVICES say."""
    return [int(line) // 1024 for line in _visible("memory.total") if line.isdigit()]


def device_uuids() -> dict[str, int]:
    """UUID of each visible NVIDIA device -> its memory in GiB."""
    rows = (line.rpartition(",") for line in _visible("uuid,memory.total"))
    return {uuid.strip(): int(memory) // 1024 for uuid, _, memory in rows if memory.strip().isdigit()}


def driver_hangs() -> bool:
    """Whether NVIDIA's driver was asked and did not answer."""
    return _hangs


def device_names() -> list[str]:
    """Name of each visible NVIDIA device."""
    return _visible("name")


def device_kind(names: Iterable[str]) -> str:
    """The kind of devices by their names: `NVIDIA A100-SXM4-80GB` is an `NVIDIA A100`.

    Several kinds are a kind of their own, `NVIDIA A40 and NVIDIA L40`.
    """
    kinds = {FORM.sub("", part).strip() for name in names for part in name.split(" and ")}
    return " and ".join(sorted(kinds))


def _visible(field: str) -> list[str]:
    """One field of each visible device."""
    global _hangs
    query = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"]
    if _hangs:
        return []
    try:
        listed = subprocess.run(
            query, capture_output=True, text=True, timeout=NVIDIA_SECONDS, check=True
        ).stdout
    except subprocess.TimeoutExpired:
        _hangs = True
        return []
    except (OSError, subprocess.SubprocessError):
        return []
    values = [line.strip() for line in listed.split("\n") if line.strip()]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return values
    names = [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    if all(name.isdigit() for name in names):
        return [values[int(name)] for name in names if int(name) < len(values)]
    return values[: len(names)]  # named by UUID: as many devices, all taken to be alike


def die_with_parent(number: int, parent: int | None = None) -> None:
    """Asks Linux to send this process a signal when its parent dies, `kill -9` included.

    Else the process would go on writing into a run while the same command runs again.

    Args:
        parent: the parent's process id. Where the parent has died before it could be asked for, this process
            ends.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, number)  # 1 is PR_SET_PDEATHSIG
    if parent is not None and os.getppid() != parent:
        os._exit(128 + number)


def runs(process: int) -> bool:
    """Whether a process is there and has not ended; a dead one stays listed until its parent has heard."""
    import psutil

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Account:
    """A service on the network."""

    url: str
    reachable: bool
    key: bool
    user: str | None = None
    """The key's owner, where the service names one."""


class Packages(Mapping[str, str]):
    """Installed distribution -> version, looked up by name."""

    def __getitem__(self, name: str) -> str:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter({_normalised(item.metadata["Name"]) for item in metadata.distributions()})

    def __len__(self) -> int:
        return len(set(self))


class Machine:
    """The facts of this machine, each looked up when it is first used.

    Args:
        outputs: the folder of outputs, whose disk counts; it need not exist yet.
        facts: facts that are stated instead of looked up.
    """

    def __init__(self, outputs: str | Path, **facts: Any) -> None:
        self.outputs = Path(outputs).absolute()
        self.__dict__.update(facts)

    @cached_property
    def devices(self) -> tuple[tuple[str, int], ...]:
        """Name and memory (GiB) of each visible NVIDIA device."""
        return tuple(zip(device_names(), visible_devices(), strict=False))

    @cached_property
    def free_gib(self) -> tuple[int, ...]:
        """Memory of each visible NVIDIA device that no process holds now."""
        return tuple(int(line) // 1024 for line in _visible("memory.free") if line.isdigit())

    @cached_property
    def shared_memory_gib(self) -> float:
        """Free space of /dev/shm, through which the processes of vLLM and NCCL pass tensors."""
        folder = Path("/dev/shm")
        return round(shutil.disk_usage(folder).free / GIB, 1) if folder.is_dir() else 0.0

    @cached_property
    def driver(self) -> str | None:
        """Version of NVIDIA's driver; None without a device."""
        return next(iter(_visible("driver_version")), None)

    @cached_property
    def memory_gib(self) -> float:
        """Host memory in all."""
        return round(_memory().total / GIB, 1)

    @cached_property
    def available_gib(self) -> float:
        """Host memory that is free now."""
        return round(_memory().available / GIB, 1)

    @cached_property
    def disk_gib(self) -> float:
        """Free space where outputs/ is."""
        folder = self.outputs
        while not folder.exists():
            folder = folder.parent
        return round(shutil.disk_usage(folder).free / GIB, 1)

    @cached_property
    def cores(self) -> int:
        """Cores that this process may use."""
        return len(os.sched_getaffinity(0))

    @cached_property
    def python(self) -> str:
        """Version of Python."""
        return sys.version.split()[0]

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """Installed distribution -> version."""
        return Packages()

    @cached_property
    def pins(self) -> dict[str, str]:
        """Distribution -> version in constraints.txt."""
        path = ROOT / "constraints.txt"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        pinned = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
        return {_normalised(name): version.strip() for name, version in pinned}

    @cached_property
    def strays(self) -> dict[str, tuple[str, str]]:
        """Package -> (installed, pinned) where the two differ; local tags as +cpu do not count."""
        installed = {name: self.packages[name] for name in self.pins if name in self.packages}
        return {
            name: (version, self.pins[name])
            for name, version in installed.items()
            if version.split("+")[0] != self.pins[name]
        }

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Packages that openrs always needs: its metadata's, extras left out."""
        try:
            requirements = metadata.requires("openrs") or []
        except metadata.PackageNotFoundError:
            return ()
        names = (re.match(r"[\w.-]+", line) for line in requirements if "extra ==" not in line)
        return tuple(_normalised(name.group()) for name in names if name)

    @cached_property
    def torch_cuda(self) -> str | None:
        """The CUDA version that torch was built for, read without importing torch; None: for CPUs."""
        spec = util.find_spec("torch")
        if spec is None or not spec.submodule_search_locations:
            return None
        version = Path(next(iter(spec.submodule_search_locations))) / "version.py"
        text = version.read_text(encoding="utf-8")
        stated = re.search(r"^cuda[^=]*= *['\"]([\d.]+)['\"]", text, re.MULTILINE)
        return stated.group(1) if stated else None

    @cached_property
    def compiler(self) -> str | None:
        """The C compiler that Triton uses; None without one."""
        names = (os.environ.get("CC"), "gcc", "clang")
        return next((path for name in names if name and (path := shutil.which(name))), None)

    @cached_property
    def python_headers(self) -> bool:
        """Whether Python.h is here, which Triton compiles with."""
        return (Path(sysconfig.get_paths()["include"]) / "Python.h").exists()

    @cached_property
    def hub(self) -> Account:
        """The Hugging Face Hub."""
        from huggingface_hub import HfApi, constants, get_token

        reachable = not constants.HF_HUB_OFFLINE and reaches(constants.ENDPOINT, PATIENCE)
        key = get_token() is not None
        answer = within(PATIENCE, HfApi().whoami) if reachable and key else None
        return Account(constants.ENDPOINT, reachable, key, answer["name"] if answer else None)

    @cached_property
    def wandb(self) -> Account:
        """Weights & Biases."""
        return Account(f"https://{WANDB_HOST}", reaches(WANDB_HOST, PATIENCE), wandb_key())

    def port_is_free(self, port: int) -> bool:
        """Whether nothing listens on a port of this machine's loopback address."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
        return True

    def facts(self) -> dict[str, Any]:
        """Every fact by name, in a form that JSON keeps."""
        names = [name for name, item in vars(Machine).items() if isinstance(item, cached_property)]
        facts = {name: getattr(self, name) for name in names}
        accounts = {name: vars(facts[name]) for name in ("hub", "wandb")}
        return facts | accounts | {"packages": dict(self.packages)}


def _normalised(name: str) -> str:
    """A distribution's name as the packaging standard writes it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _memory() -> Any:
    import psutil

    return psutil.virtual_memory()
