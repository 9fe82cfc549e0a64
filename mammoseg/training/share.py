"""The share of one process in the recipe's batch."""

from mammoseg.errors import WrongCallError


def share_batch(batch_size: int, processes: int) -> int:
    """Images of a batch for each of several processes.

    Args:
        batch_size: images of the recipe's batch, of which a step is made.
        processes: processes that train together.
    Raises:
        WrongCallError: they cannot all have the same number, so that the batch would be another.

    Examples:
        >>> from mammoseg.training.share import share_batch
        >>> share_batch(8, 4)
        2
    """
    if batch_size % processes:
        fits = [number for number in range(1, batch_size + 1) if batch_size % number == 0]
        raise WrongCallError(
            f"a batch of {batch_size} cannot be shared by {processes} processes equally; start "
            f"{', '.join(map(str, fits))} of them, or name another --batch_size."
        )
    return batch_size // processes
