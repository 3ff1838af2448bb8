from hypothesis import given
from hypothesis import strategies as st

from edge.core.sync.window import Window


def test_window_receipts_widen_it_to_eight() -> None:
    window = Window()
    sizes = [window.batches]
    for _ in range(9):
        window = window.grown()
        sizes.append(window.batches)
    assert sizes == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]


@given(st.lists(st.booleans(), max_size=60))
def test_window_any_history_stays_between_one_and_eight(history: list[bool]) -> None:
    window = Window()
    for grows in history:
        window = window.grown() if grows else window.shrunk()
        assert 1 <= window.batches <= 8
