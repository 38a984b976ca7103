# Ingests a csvdir export with zipline's own bundle and prints, by symbol, what its readers say of each session.
import json
import os
import sys

folder, root = sys.argv[1:]
os.environ['ZIPLINE_ROOT'] = root
os.environ['CSVDIR'] = folder
import pandas
from zipline.data.bundles import ingest, load
import zipline.data.bundles.csvdir
from zipline.data.data_portal import DataPortal

if '--loaded' not in sys.argv:
    ingest('csvdir', show_progress=False)
bundle = load('csvdir')
reader = bundle.equity_daily_bar_reader
portal = DataPortal(
    bundle.asset_finder,
    reader.trading_calendar,
    reader.first_trading_day,
    equity_daily_reader=reader,
    adjustment_reader=bundle.adjustment_reader,
)


def known(value):
    return None if value != value else float(value)


FIELDS = ['open', 'high', 'low', 'close', 'volume']
found = {}
for asset in bundle.asset_finder.retrieve_all(bundle.asset_finder.sids):
    days = reader.trading_calendar.sessions_in_range(asset.start_date, asset.end_date)
    columns = reader.load_raw_arrays(FIELDS, asset.start_date, asset.end_date, [asset.sid])
    adjusted = {
        field: portal.get_history_window([asset], asset.end_date, len(days), '1d', field, 'daily')[asset]
        for field in ['close', 'volume']
    }
    found[asset.symbol] = [
        [str(day.date()), *[known(column[at, 0]) for column in columns], *[known(adjusted[field][day]) for field in adjusted]]
        for at, day in enumerate(days)
    ]
print(json.dumps(found))
