"""vLLM on a CPU as a partner of training: a plugin of vLLM, and TRL's side of the same.

NCCL, which sends weights, has no CPU: a TCP store of vLLM's own takes its place, on the two sides of the same
requests. And vLLM for CPUs packs its layers when they are loaded, after which they take no other weights:
here they stay as they are on a GPU.
"""

import os
from collections.abc import Iterator
from typing import Any

import torch


def register() -> None:
    """vLLM's side; the entry point of `vllm.general_plugins`, which each of its processes loads."""
    from vllm.distributed.utils import StatelessProcessGroup
    from vllm.distributed.weight_transfer import nccl_engine
    from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
    from vllm.model_executor.layers import vocab_parallel_embedding as embedding
    from vllm.model_executor.layers.linear import UnquantizedLinearMethod

    def keep(self: Any, layer: Any) -> None:
        layer.cpu_linear = torch.nn.functional.linear

    UnquantizedLinearMethod.process_weights_after_loading = keep
    embedding.UnquantizedEmbeddingMethod.process_weights_after_loading = keep

    class OverStore(nccl_engine.NCCLWeightTransferEngine):
        updates = 0

        def init_transfer_engine(self, info: Any) -> None:
            parallel = self.parallel_config
            rank = parallel.data_parallel_index * parallel.world_size + parallel.rank + info.rank_offset
            self.model_update_group = StatelessProcessGroup.create(
                host=info.master_address, port=info.master_port, rank=rank, world_size=info.world_size
            )

        def receive_weights(self, info: Any) -> None:
            def items() -> Iterator[tuple[str, torch.Tensor]]:
                for name in info.names:
                    sent, tensor = self.model_update_group.broadcast_obj(None, src=0)
                    assert sent == name, (sent, name)
                    yield name, tensor

            self.updates += 1
            if self.updates > float(os.environ.get("CPU_SYNC_FAILS_AFTER", "inf")):
                raise RuntimeError("weights are refused, as a test wants it")
            if self.updates > float(os.environ.get("CPU_SYNC_DROPS_AFTER", "inf")):
                for _ in items():
                    pass
            else:
                self.model.load_weights(items())
            if self.model_update_group.rank == 1:
                self.model_update_group.broadcast_obj("all taken", src=1)

    WeightTransferEngineFactory._registry["nccl"] = lambda: OverStore


def join() -> None:
    """TRL's side, in the training process."""
    from trl.generation import vllm_client

    def opened(info: dict[str, Any]) -> Any:
        from vllm.distributed.utils import StatelessProcessGroup

        return StatelessProcessGroup.create(
            host=info["master_address"], port=info["master_port"], rank=0, world_size=info["world_size"]
        )

    def send(iterator: Any, group: Any, src: int, post_iter_func: Any) -> None:
        for name, tensor in iterator:
            group.broadcast_obj((name, tensor.detach().cpu().clone()), src=0)
        group.broadcast_obj(None, src=1)  # waits for the other side, as NCCL does

    own = vllm_client.VLLMClient.init_communicator

    def init(self: Any, device: Any = 0) -> None:
        real, torch.device = torch.device, lambda *_: real("cuda")  # the one check of the device's type
        try:
            own(self, real("cuda"))
        finally:
            torch.device = real

    vllm_client.open_trainer_endpoint = opened
    vllm_client.packed_nccl_broadcast_producer = send
    vllm_client.VLLMClient.init_communicator = init
    vllm_client.VLLMClient.close_communicator = lambda self: None
