"""Word count with Spark on two threads of this machine, for ci/bench: `WORD COUNT` lines on stdout, in byte order of the words.

Usage: spark_count.py FILE...
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, explode, split

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
words = spark.read.text(sys.argv[1:]).select(explode(split("value", r"\P{L}+")).alias("word")).where(col("word") != "")
for word, count in words.groupBy("word").count().orderBy("word").collect():
    print(word, count)
spark.stop()
