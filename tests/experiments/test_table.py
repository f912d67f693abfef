"""One table for a terminal and one for Markdown."""

from experiments.pages import table

LINES = [("layer", "numbers", "of"), ("a", "1,000", "x"), ("longer", "7", "")]


def test_a_terminal_gets_aligned_columns_and_no_space_at_the_end():
    assert table.terminal(LINES, right=[1]).splitlines() == [
        "layer   numbers  of",
        "a         1,000  x",
        "longer        7",
    ]


def test_markdown_aligns_what_are_numbers_to_the_right():
    assert table.markdown(LINES).splitlines() == [
        "| layer | numbers | of |",
        "| --- | ---: | --- |",
        "| a | 1,000 | x |",
        "| longer | 7 |  |",
    ]
