"""docs/from-pytorch.md lists what the tables of words say, all of it."""

from tests.docs.from_pytorch import BLOCK, PAGE, TABLES, made


def test_the_page_is_made_from_the_tables():
    text = PAGE.read_text(encoding="utf-8")
    assert text == made(text), "write it anew: python -m tests.docs.from_pytorch"


def test_every_word_of_every_table_is_listed():
    listed = {(found[2], found[3]) for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}
    fates = {(name, word.fate) for name, table in TABLES.items() for word in table.values()}
    assert fates <= listed
