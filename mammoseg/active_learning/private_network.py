"""A network of one's own on the weights of another: hooks and dropout can be set while others go on predicting."""

import copy

from torch import Tensor, nn


def copy_network(network: nn.Module) -> nn.Module:
    """Copy of the modules, in evaluation mode, that shares every tensor with the network it was made from."""
    shared = {}
    for module in network.modules():
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False), *vars(module).values()):
            if isinstance(tensor, Tensor):
                shared[id(tensor)] = tensor
    return copy.deepcopy(network, shared).eval()
