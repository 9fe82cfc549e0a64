"""What `mammoseg reproduce` prints without a table: the tables first, then what cannot run, then what is not known."""

from collections.abc import Sequence

from mammoseg.plans.paper_table import PaperTable, list_papers, list_tables, list_unknown, say_why_cannot_run


def print_tables(paper: str | None = None) -> None:
    """Print the tables of a paper, or of all.

    Raises:
        WrongCallError: there is no such paper.
    """
    names = [paper] if paper else list_papers()
    tables = [table for name in names for table in list_tables(name)]
    print(_as_table(tables))
    print("\nVariants (--variant):")
    said = {f"{one.paper} {variant}": says for one in tables for variant, says in one.variants_say.items()}
    for name, says in said.items():
        print(f"  {name}: {says}")
    empty = [(one, row, why) for one in tables for row in one.words["rows"] if (why := say_why_cannot_run(one, row))]
    if empty:
        print("\nRows that stay empty:")
    for table, row, why in empty:
        print(f"  {table.paper} {table.name}, {row['label']}: {why}")
    print("\nWhat is not known here:")
    for name in names:
        for what, why in list_unknown(name).items():
            print(f"  {name}, {what}: {why}")


def _as_table(tables: Sequence[PaperTable]) -> str:
    rows = [("paper", "table", "data", "what it shows")]
    rows += [
        (table.paper, table.name, " ".join(table.words["datasets"]) or "none", table.words["title"]) for table in tables
    ]
    first, second, third, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(f"{paper:{first}}  {name:{second}}  {data:{third}}  {title}" for paper, name, data, title in rows)
