# Licensed under a 3-clause BSD style license - see LICENSE.rst
"""
Tests of the number of threads.
"""

import os
import threading

import pytest

from claxboi.classification._parallel import check_n_jobs, in_parallel, number_of_threads, threads
from claxboi.config import conf


def names_of_threads(n_items=20):
    barrier = threading.Event()

    def work(_):
        barrier.wait(0.005)
        return threading.current_thread().name

    return set(in_parallel(work, range(n_items)))


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_never_more_than_asked(n_jobs):
    with threads(n_jobs):
        assert number_of_threads() == n_jobs
        assert len(names_of_threads()) <= n_jobs
    with conf.set_temp("n_jobs", n_jobs):
        assert number_of_threads() == n_jobs


def test_one_thread_is_that_of_the_caller():
    with threads(1):
        assert names_of_threads() == {threading.current_thread().name}


def test_all_cores():
    cores = min(os.cpu_count(), 8)
    assert number_of_threads() == cores
    with threads(-1):
        assert number_of_threads() == cores


def test_inner_limit_does_not_lift_the_outer_one():
    with threads(1):
        for n_jobs in (4, -1, None):
            with threads(n_jobs):
                assert number_of_threads() == 1
    with threads(4), threads(2):
        assert number_of_threads() == 2


def test_one_in_a_worker_of_dask(monkeypatch):
    class Distributed:
        @staticmethod
        def get_worker():
            return object()

    monkeypatch.setitem(__import__("sys").modules, "distributed", Distributed)
    assert number_of_threads() == 1
    with threads(2):
        assert number_of_threads() == 2

    def nowhere():
        raise ValueError("No worker found")

    monkeypatch.setattr(Distributed, "get_worker", staticmethod(nowhere))
    assert number_of_threads() > 1 or os.cpu_count() == 1


@pytest.mark.parametrize("wrong", [0, -2, 1.5, "2"])
def test_wrong(wrong):
    with pytest.raises((TypeError, ValueError), match="n_jobs"):
        check_n_jobs(wrong)
