"""Makes the Parquet and Arrow files that crates/arrow/tests/files.rs reads.

Made with pyarrow and polars of the versions printed into versions.txt:
    python make_arrow.py
"""
import datetime as dt
import decimal
import pathlib

import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
DAY = dt.date(2024, 5, 31)
TIME = dt.datetime(2024, 5, 31, 12, 30, 15, 250000)
UTC = TIME.replace(tzinfo=dt.timezone.utc)

table = pa.table(
    {
        "int8": pa.array([1, None, -3], pa.int8()),
        "int64": pa.array([1, None, 2**40], pa.int64()),
        "uint16": pa.array([1, None, 65535], pa.uint16()),
        "uint64": pa.array([1, None, 2**63], pa.uint64()),
        "half": pa.array([0.5, None, -2.0], pa.float16()),
        "float": pa.array([0.5, float("nan"), 0.25], pa.float32()),
        "double": pa.array([0.1, None, 1e300], pa.float64()),
        "bool": pa.array([True, None, False], pa.bool_()),
        "string": pa.array(["a", None, "é, \"x\""], pa.string()),
        "large": pa.array(["a", None, "b"], pa.large_string()),
        "view": pa.array(["a", None, "a longer text than twelve bytes"], pa.string_view()),
        "dictionary": pa.array(["x", None, "y"]).dictionary_encode(),
        "date32": pa.array([DAY, None, dt.date(1969, 12, 31)], pa.date32()),
        "date64": pa.array([DAY, None, DAY], pa.date64()),
        "second": pa.array([TIME.replace(microsecond=0), None, TIME.replace(microsecond=0)], pa.timestamp("s")),
        "micro": pa.array([TIME, None, TIME], pa.timestamp("us")),
        "nano": pa.array([TIME, None, TIME], pa.timestamp("ns")),
        "zoned": pa.array([UTC, None, UTC], pa.timestamp("ms", tz="Europe/Oslo")),
        "decimal": pa.array([decimal.Decimal("12.30"), None, decimal.Decimal("-0.01")], pa.decimal128(10, 2)),
        "nothing": pa.nulls(3),
        "dates_as_text": pa.array(["2024-05-31", None, "2024-06-01"]),
        "digits_as_text": pa.array(["0150", None, "5003"]),
    }
)
for codec in ["none", "snappy", "zstd", "gzip", "lz4"]:
    pq.write_table(table, HERE / f"types_{codec}.parquet", compression=codec)
feather.write_feather(table, HERE / "types_lz4.arrow", compression="lz4")
feather.write_feather(table, HERE / "types_zstd.arrow", compression="zstd")
with pa.ipc.new_stream(HERE / "types_stream.arrows", table.schema) as stream:
    stream.write_table(table, max_chunksize=2)
nested = table.select(["int8"]).append_column("list", pa.array([[1], None, [2, 3]]))
pq.write_table(nested, HERE / "nested.parquet")
pq.write_table(pa.table({"x": pa.array([1.0, float("inf")])}), HERE / "infinite.parquet")
pq.write_table(table.slice(0, 0), HERE / "no_rows.parquet")
frame = pl.DataFrame({"x": [1, 2, None], "name": ["a", "b", None], "when": [DAY, DAY, None],
                      "kind": pl.Series(["p", "q", "p"], dtype=pl.Categorical)})
frame.write_parquet(HERE / "polars.parquet")
frame.write_ipc(HERE / "polars.arrow")
(HERE / "versions.txt").write_text(f"pyarrow {pa.__version__}\npolars {pl.__version__}\n")
