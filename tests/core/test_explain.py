from app.core.explain import as_text, explain


def test_each_bubble_is_followed_by_why_it_ends() -> None:
    text = "One is short. Two is short as well.\n\n- a\n- b"
    shown = as_text(explain(text, min_chars=10, max_chars=20))
    assert shown.splitlines()[:2] == [
        "One is short.",
        "── bubble 1: 13 characters, known 2 later; a sentence ends",
    ]
    assert shown.splitlines()[-1].endswith("the answer ends")


def test_wide_characters_show_how_they_are_counted() -> None:
    assert "3 characters, counted as 6" in as_text(explain("你好。"))


def test_nothing_is_explained_by_nothing() -> None:
    assert as_text(explain("")) == ""
