"""Tables of words as HTML."""

from html.parser import HTMLParser

from openrs.analysis.tables.text_table import FORMATS, TextTable


class Cells(HTMLParser):
    """Collects the text of a page's cells, and its tags."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def test_a_table_of_words_is_html_with_heads_and_inert_text():
    table = TextTable(
        "Table 2: cost", ("", "A & B"), (("<script>", "7k"), ("hours", "<b>24</b>")), ("Note.",)
    )
    found = Cells()
    found.feed(FORMATS["html"](table))
    assert found.texts == ["Table 2: cost", "A & B", "<script>", "7k", "hours", "<b>24</b>", "Note."]
    assert found.tags.count("tr") == 4
    assert found.tags.count("th") == 4
    assert not {"script", "b"} & set(found.tags)
