"""Connected-UNets (Baccouche et al. 2021, npj Breast Cancer 7:151)."""

from mammoseg.networks.blocks import PlainBlock
from mammoseg.networks.cascade import ConnectedNetwork


class ConnectedUNets(ConnectedNetwork):
    """Two U-Nets of plain blocks, connected.

    Chosen reading: the 20.1 M parameters of one table and of the original code; the 22.4 M of another are unexplained.
    """

    block = PlainBlock
