"""Word count with polars' streaming engine, for ci/bench: `WORD COUNT` lines on stdout, in byte order of the words.

Usage: polars_count.py FILE...
"""

import sys

import polars as pl

lines = pl.scan_lines(sys.argv[1:], name="line")
words = lines.select(pl.col("line").str.extract_all(r"\p{L}+").alias("word")).explode("word").drop_nulls()
counts = words.group_by("word").len().sort("word").collect(engine="streaming")
counts.write_csv(sys.stdout, include_header=False, separator=" ", quote_style="never")
