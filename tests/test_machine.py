"""What this machine says of itself."""

import pytest

from openrs.machine.devices import device_kind


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["NVIDIA A40"], "NVIDIA A40"),
        (["NVIDIA A40"] * 4, "NVIDIA A40"),
        (["NVIDIA A100-SXM4-80GB"], "NVIDIA A100"),
        (["NVIDIA A100-PCIE-40GB", "NVIDIA A100 80GB PCIe"], "NVIDIA A100"),
        (["NVIDIA H100 80GB HBM3"], "NVIDIA H100"),
        (["NVIDIA H100 PCIe", "NVIDIA H100 NVL"], "NVIDIA H100"),
        (["NVIDIA A100-SXM4-40GB MIG 1g.5gb"], "NVIDIA A100"),
        (["NVIDIA GH200 480GB"], "NVIDIA GH200"),
        (["NVIDIA L40S"], "NVIDIA L40S"),
        (["NVIDIA GeForce RTX 4090"], "NVIDIA GeForce RTX 4090"),
        (["NVIDIA L40", "NVIDIA A40"], "NVIDIA A40 and NVIDIA L40"),
        (["NVIDIA A40 and NVIDIA L40", "NVIDIA A40"], "NVIDIA A40 and NVIDIA L40"),
    ],
)
def test_a_kind_of_device_has_no_memory_size_and_no_bus(names, kind):
    assert device_kind(names) == kind
