"""Tests on real connections, threads, processes and servers."""
