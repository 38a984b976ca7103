"""Bars of six intervals from a consolidated lake, as one would make them with polars or pandas.

python3 peers.py LAKE polars|pandas OUT   writes OUT/n=N/year=Y/month=M/*.parquet and prints its seconds as JSON.
LAKE/calendar.csv has the number and the date of each session.
"""
import glob
import json
import os
import resource
import sys
import time

INTERVALS = [3, 5, 8, 13, 21, 34]
COLUMNS = ["symbol", "date", "open", "high", "low", "close", "volume"]
lake, peer, out = sys.argv[1:]
files = sorted(glob.glob(f"{lake}/bronze/raw_ohlcv/*/data.parquet"))
calendar_file = f"{lake}/calendar.csv"


def with_polars():
    import polars as pl

    calendar = pl.read_csv(calendar_file, try_parse_dates=True).with_columns(pl.col("number").cast(pl.Int32))
    bars = pl.scan_parquet(files).select(COLUMNS).join(calendar.lazy(), on="date")
    first = calendar.select(pl.col("number").alias("begin"), pl.col("date").alias("date"))

    def windows(n):
        number = pl.col("number")
        rows = bars.group_by("symbol", (number // n * n).alias("begin")).agg(
            pl.col("open").get(number.arg_min()),
            pl.col("high").max(),
            pl.col("low").min(),
            pl.col("close").get(number.arg_max()),
            pl.col("volume").sum(),
            pl.len().cast(pl.Int32).alias("bars"),
        )
        dated = rows.join(first.lazy(), on="begin").drop("begin")
        return dated.with_columns(pl.col("date").dt.year().alias("year"), pl.col("date").dt.month().alias("month"))

    def make():
        for n in INTERVALS:
            rows = windows(n).collect(engine="streaming")
            os.makedirs(f"{out}/n={n}")
            rows.write_parquet(f"{out}/n={n}", partition_by=["year", "month"])

    return pl.__version__, make


def with_pandas():
    import pandas as pd
    import pyarrow.dataset as ds

    calendar = pd.read_csv(calendar_file, parse_dates=["date"]).set_index("date")["number"]
    dates = pd.Series(calendar.index, index=calendar.to_numpy())

    def make():
        bars = ds.dataset(files).to_table(columns=COLUMNS).to_pandas()
        bars["symbol"] = bars["symbol"].astype("category")
        number = pd.to_datetime(bars["date"]).map(calendar)
        for n in INTERVALS:
            rows = bars.groupby([bars["symbol"], (number // n * n).rename("begin")], observed=True, sort=False).agg(
                open=("open", "first"),
                high=("high", "max"),
                low=("low", "min"),
                close=("close", "last"),
                volume=("volume", "sum"),
                bars=("volume", "size"),
            )
            rows = rows.reset_index()
            rows["symbol"] = rows["symbol"].astype(str)
            rows["date"] = rows.pop("begin").map(dates)
            rows["year"], rows["month"] = rows["date"].dt.year, rows["date"].dt.month
            rows["date"] = rows["date"].dt.date
            rows.to_parquet(f"{out}/n={n}", partition_cols=["year", "month"], index=False)

    return pd.__version__, make


version, make = {"polars": with_polars, "pandas": with_pandas}[peer]()
begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
make()
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
seconds = time.perf_counter() - begun
print(json.dumps({"version": version, "seconds": seconds, "cpuSeconds": cpu, "peakGb": after.ru_maxrss / 1e6}))
