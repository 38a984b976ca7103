# Prints, by instrument, what qlib reads of an export.
import json
import sys

import qlib
from qlib.data import D

qlib.init(provider_uri=sys.argv[1], region='us', kernels=1, logging_level=40)
spans = D.list_instruments(D.instruments('all'))
fields = ['$open', '$high', '$low', '$close', '$volume', '$vwap', '$factor', '$change', 'Ref($close, 1)']
rows = D.features(list(spans), fields)
found = {
    name: {
        'spans': [[str(first.date()), str(last.date())] for first, last in spans[name]],
        'rows': [[str(day.date()), *[None if value != value else float(value) for value in values]]
                 for (_, day), values in zip(rows.loc[[name]].index, rows.loc[[name]].values)],
    }
    for name in spans
}
print(json.dumps({'found': found, 'calendar': [str(day.date()) for day in D.calendar()]}))
