"""The memory of PyTorch's tensors as files of the format safetensors, which anyone can open without running code.

PyTorch itself says how a tensor is made again: its shape, its strides, whether it takes gradients, its hooks. Only the memory below, which
several tensors may share, is written here. So what shares memory still does afterwards. Memory on other devices is left to PyTorch.
"""

from __future__ import annotations

import sys
from _pickle import PickleBuffer

from kfnb.runtime.light_json import dumps

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

ALIGNED = 64  #: bytes; the data begin at a multiple of it
#: The names that the format has for the types of items, by those of PyTorch.
TYPES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "float16": "F16", "bfloat16": "BF16",
    "float32": "F32", "float64": "F64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}  # fmt: skip


def is_part(kind: type) -> bool:
    """Whether a type is that of a tensor or of its memory."""
    return kind.__module__ == "torch.storage" or (kind.__module__ == "torch" and kind.__name__ == "Tensor")


def described(tensor: Any) -> tuple[int, bytes]:
    """The id of the memory of a tensor, and what stands before it in a file. Raises what PyTorch does for a tensor without memory."""
    memory = tensor.untyped_storage()
    name, width, size = str(tensor.dtype).rpartition(".")[2], tensor.element_size(), memory.nbytes()
    if name not in TYPES or size % width:
        return id(memory), header_of("U8", [size], size)
    whole = tensor.is_contiguous() and tensor.numel() * width == size
    return id(memory), header_of(TYPES[name], list(tensor.shape) if whole else [size // width], size)


def header_of(type_name: str, shape: list[int], size: int) -> bytes:
    """What stands before the data of a file with one tensor."""
    text = dumps({"tensor": {"dtype": type_name, "shape": shape, "data_offsets": [0, size]}})
    text += " " * (-(8 + len(text)) % ALIGNED)
    return len(text).to_bytes(8, "little") + text.encode("ascii")


def content_of(memory: Any) -> PickleBuffer:
    """The bytes of a memory, without a copy. Raises `RuntimeError` where PyTorch has no numpy."""
    torch: Any = sys.modules["torch"]
    return PickleBuffer(torch.empty(0, dtype=torch.uint8, device="cpu").set_(memory).numpy())


def typed_reduction_of(storage: Any) -> Any:
    """How `pickle` makes the typed view of a memory again. ``NotImplemented`` where PyTorch has to do it."""
    memory = getattr(storage, "_untyped_storage", None)
    if memory is None or memory.device.type != "cpu":
        return NotImplemented
    return (make_typed, (memory, str(storage.dtype).rpartition(".")[2]))


def make_typed(memory: Any, type_name: str) -> Any:
    import torch

    return torch.storage.TypedStorage(wrap_storage=memory, dtype=getattr(torch, type_name), _internal=True)


def make_memory(content: Any, offset: int) -> Any:
    """A memory of its own, so that a tensor can grow in it as before."""
    import torch

    if memoryview(content).nbytes == offset:
        return torch.UntypedStorage(0)
    return torch.frombuffer(content, dtype=torch.uint8, offset=offset).untyped_storage().clone()
