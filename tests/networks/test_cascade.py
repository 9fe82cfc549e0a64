"""Two U-Nets in a row: what the second reads of the first."""

import torch

from mammoseg.networks.blocks import PlainBlock
from mammoseg.networks.cascade import ReadingEncoder, UNetCascade, make_direct_paths
from mammoseg.networks.multires_blocks import ResPath, make_res_paths

FINE = (4, 8)


def reading_encoder(paths):
    torch.manual_seed(0)
    encoder = ReadingEncoder(FINE, block=PlainBlock, block_channels=FINE, paths=paths).eval()
    return encoder, [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]


def test_finest_level_reads_the_first_decoder_output_bridged_and_as_it_is():
    encoder, decoded = reading_encoder(make_direct_paths)
    read = torch.cat([encoder.bridges[0](decoded[0]), decoded[0]], dim=1)
    assert torch.equal(encoder(decoded)[0], encoder.blocks[0](read))


def test_other_levels_read_what_is_above_pooled_and_bridged_and_the_first_decoder():
    encoder, decoded = reading_encoder(make_direct_paths)
    finest, coarse = encoder(decoded)
    read = torch.cat([encoder.bridges[1](encoder.pool(finest)), decoded[1]], dim=1)
    assert torch.equal(coarse, encoder.blocks[1](read))


def test_paths_between_the_networks_leave_out_the_finest_level():
    encoder, decoded = reading_encoder(make_res_paths)
    assert [type(path) for path in encoder.paths] == [ResPath]
    finest, coarse = encoder(decoded)
    read = torch.cat([encoder.bridges[1](encoder.pool(finest)), encoder.paths[0](decoded[1])], dim=1)
    assert torch.equal(coarse, encoder.blocks[1](read))


def test_residual_paths_touch_the_skips_but_not_what_goes_down():
    torch.manual_seed(0)
    arguments = {"channels": (4, 8, 16), "block": PlainBlock, "block_channels": FINE, "dilations": (1, 2, 3)}
    decoder = UNetCascade(3, 1, paths=make_res_paths, **arguments).eval().first_decoder
    features = [torch.rand(1, 4, 16, 16), torch.rand(1, 8, 8, 8)]
    coarse = decoder.pyramid(decoder.pool(features[1]))
    skips = [path(feature) for path, feature in zip(decoder.paths, features, strict=True)]
    assert all(map(torch.equal, decoder(features), decoder.decoder(coarse, skips)))
