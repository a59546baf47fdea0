"""The unmet needs of a config on a machine: pure functions of a config and a `Machine`.

The doctor, the plan and the stages ask here. Fields of the config that contradict each other are no need of a
machine: `openrs.config` refuses them.
"""

from dataclasses import replace
from typing import Literal

from openrs.config.schema import Config
from openrs.errors import Unfit
from openrs.machine.facts import Machine
from openrs.needs import devices, files, packages
from openrs.needs.need import Need

CHECKS = (
    packages.vllm, packages.deepspeed, packages.peft, packages.kernels, packages.required, packages.compiler,
    devices.driver, devices.enough, devices.device_memory, devices.free_memory, devices.shared_memory,
    devices.port, devices.host_memory, files.disk_space, files.model_files, files.data_files, files.account,
)  # fmt: skip
"""Each yields the needs of one kind; people read them in this order."""
OF_A_TRAINING = (
    devices.enough, devices.device_memory, packages.deepspeed, packages.kernels, devices.port,
)  # fmt: skip
OF_EVERY_STAGE = (packages.vllm, packages.peft)


def unmet(config: Config, machine: Machine) -> list[Need]:
    """Everything that keeps a config from running on a machine; empty where the config can run."""
    return [need for check in CHECKS for need in check(config, machine)]


def unmet_at_start(config: Config, machine: Machine) -> list[Need]:
    """The unmet needs without which a stage cannot start; the host's memory and disk, which are estimates,
    are left out. So is a device's memory with hardware.check_memory=false.

    An evaluation also runs on fewer devices than the hardware option names.
    """
    checks = (*(OF_A_TRAINING if config.trains else ()), *OF_EVERY_STAGE)
    return [need for check in checks for need in check(config, machine)]


def require(stage: Literal["train", "evaluate"], config: Config) -> None:
    """Refuses a stage that cannot start on this machine.

    Raises:
        Unfit: naming the option, what it needs, and the remedy.
    """
    for need in unmet_at_start(replace(config, stages=[stage]), Machine(config.outputs)):
        raise Unfit(f"{need.field}: needs {need.what}. Remedy: {need.remedy}.")
