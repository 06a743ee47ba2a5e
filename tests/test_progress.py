"""Reports of progress: to whoever asked for them, and to nobody else."""

from __future__ import annotations

import gc
import sys
import threading

import pytest

from mmpe.progress import progress_bars, report, reporting, tracked


@pytest.fixture
def reports():
    return []


@pytest.fixture
def listening(reports):
    with reporting(lambda *progress: reports.append(progress)):
        yield


@pytest.mark.parametrize(
    'items, total', [([3, 1, 4], 3), (range(3), 3), (iter('abc'), None), ({'a': 1, 'b': 2, 'c': 3}, 3)]
)
def test_items_come_as_they_are_and_each_is_reported(items, total, reports, listening):
    expected = list('abc') if total is None else list(items)
    assert list(tracked(items, 'step')) == expected
    assert reports == [('step', 0, total), ('step', 1, total), ('step', 2, total), ('step', 3, 3)]


def test_a_number_of_items_that_is_said_counts(reports, listening):
    list(tracked(iter('ab'), 'step', total=2))
    assert reports[0] == ('step', 0, 2)


def test_a_loop_that_is_left_early_or_fails_ends_its_stage(reports, listening):
    for _ in tracked(range(5), 'left'):
        break
    assert reports[-1] == ('left', 0, 0)

    def failing():
        yield 1
        raise ValueError

    with pytest.raises(ValueError):
        list(tracked(failing(), 'failed', 5))
    assert reports[-1] == ('failed', 1, 1)


def test_the_innermost_caller_hears_it_and_the_outer_one_does_again_afterwards(reports, listening):
    inner = []
    with pytest.raises(ZeroDivisionError), reporting(lambda *progress: inner.append(progress)):
        report('inner', 1, 2)
        raise ZeroDivisionError
    with reporting(None):
        report('silenced', 1, 2)
    report('outer', 1, 2)
    assert (inner, reports) == ([('inner', 1, 2)], [('outer', 1, 2)])


def test_another_thread_is_another_caller(reports, listening):
    thread = threading.Thread(target=report, args=('other', 1, 2))
    thread.start()
    thread.join()
    assert reports == []


def test_bars_show_every_stage_by_its_name_also_one_in_another(capsys):
    with progress_bars():
        for _ in tracked(range(2), 'image'):
            for _ in tracked(range(3), '61x83'):
                pass
    shown = capsys.readouterr()
    assert shown.out == ''
    assert 'image' in shown.err and shown.err.count('61x83') >= 2
    assert '2/2' in shown.err.rpartition('\r')[2] and shown.err.endswith('\n')  # the outer one stays
    assert '0/2' in shown.err and '0/3' in shown.err
    list(tracked(range(2), 'afterwards'))
    assert capsys.readouterr().err == ''


def test_bars_are_closed_where_work_fails(capsys):
    with pytest.raises(KeyError), progress_bars():
        report('image', 1, 4)
        raise KeyError
    assert capsys.readouterr().err.endswith('\n')  # an error begins on a line of its own


def test_no_bars_where_there_is_no_terminal_if_asked(capsys):
    with progress_bars(disable=None):
        list(tracked(range(3), 'image'))
    assert capsys.readouterr().err == ''


@pytest.mark.parametrize('place', ['EMA', 'tqdm._get_free_pos', 'tqdm.refresh', 'tqdm.update'])
def test_ctrl_c_while_a_bar_is_made_leaves_no_message(place, monkeypatch):
    def interrupted(*_, **__):
        monkeypatch.undo()  # the bar that says that the stage is over is made
        raise KeyboardInterrupt

    unraisable = []
    monkeypatch.setattr(f'tqdm.std.{place}', interrupted)
    hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
    try:
        with pytest.raises(KeyboardInterrupt), progress_bars():
            list(tracked('ab', 'letter'))
        gc.collect()
    finally:
        sys.unraisablehook = hook
    assert not unraisable
