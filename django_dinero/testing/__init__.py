"""Helpers for tests: the gateway contract suite, factories, and a pytest plugin.

No other package imports it, because pytest and factory-boy come with the extra ``testing``.
"""
