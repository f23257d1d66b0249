"""Keep the page's compiled templates beside Python's own bytecode.

Compiling them takes longer than the rest of the page, and longer than fifteen queries.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.util import cache_from_source

from jinja2.bccache import Bucket, FileSystemBytecodeCache


class CompiledTemplates(FileSystemBytecodeCache):
    """Jinja's cache, in the ``__pycache__`` of this package.

    Jinja compares the template's text, so an old file is never used. The page does not depend on
    the cache: if a file cannot be read or written, the template is compiled.
    """

    def __init__(self) -> None:
        directory = os.path.dirname(cache_from_source(__file__))
        super().__init__(directory, f"page.{sys.implementation.cache_tag}.%s.bin")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, or leave it empty."""
        try:
            super().load_bytecode(bucket)
        except Exception:  # pickle and marshal may raise anything for a damaged file
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the compiled template, unless Python may not write bytecode."""
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                super().dump_bytecode(bucket)
