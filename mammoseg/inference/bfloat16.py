"""Whether a device computes bfloat16."""

import torch


def computes_bfloat16(device_type: str) -> bool:
    """Whether devices of this kind (``cpu``, ``cuda``) have instructions for bfloat16: AVX512-BF16, Ampere or later."""
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device_type == "cpu" and torch.cpu._is_avx512_bf16_supported()  # private, of PyTorch
