"""Help for tests: the gateway contract suite, factories, and a pytest plugin.

Nothing outside this package imports it: pytest and factory-boy come with the extra ``testing``.
"""
