"""The types of what fixtures for all tests give, for a test's signature."""

from collections.abc import Callable

from pfsetl import Version

Built = Callable[[str], Version]  # the version that holds a release
