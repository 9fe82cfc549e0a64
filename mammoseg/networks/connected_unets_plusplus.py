"""ConnectedUNets++ (Sarker et al. 2022, ISVC)."""

from mammoseg.networks.cascade import ConnectedNetwork
from mammoseg.networks.multires_blocks import MultiResBlock, compute_multires_widths, make_res_paths


class ConnectedUNetsPlusPlus(ConnectedNetwork):
    """ConnectedUNets+ with MultiRes blocks.

    Chosen reading: residual paths of 4, 3, 2, 1 steps and a 1x1 convolution closing each ASPP, as printed in the paper
    and needed for its parameter count; the first released code has slips in both.
    """

    block = MultiResBlock
    paths = staticmethod(make_res_paths)

    def compute_block_width(self, width: int) -> int:
        return sum(compute_multires_widths(width))
