"""ConnectedUNets+ (Sarker et al. 2022, ISVC)."""

from mammoseg.networks.blocks import PlainBlock
from mammoseg.networks.cascade import ConnectedNetwork
from mammoseg.networks.multires_blocks import make_res_paths


class ConnectedUNetsPlus(ConnectedNetwork):
    """Connected-UNets with residual paths on all skip connections but the finest between the two U-Nets.

    Chosen reading: dilations 6, 12, 18 as in the authors' code; the paper's table lists 6, 8, 12.
    """

    block = PlainBlock
    paths = staticmethod(make_res_paths)
