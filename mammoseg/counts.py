"""How many of something, in words."""


def count_of(number: int, thing: str) -> str:
    """``1 file``, ``2 files``, ``0 studies``: a number before the noun as it wants it."""
    if number == 1:
        return f"1 {thing}"
    if thing.endswith(("s", "ch")):
        return f"{number} {thing}es"
    return f"{number} {thing[:-1]}ies" if thing.endswith("y") else f"{number} {thing}s"
