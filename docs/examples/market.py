# %% [markdown]
# After `make run`, in the data directory (`cd ~/.afterbell`), with `pip install duckdb pandas matplotlib`.

# %% Closes of the whole market, splits and dividends adjusted: a row a session, a column a symbol
import duckdb
import matplotlib.pyplot as plt

lake = duckdb.connect('lake/catalog/afterbell.duckdb', read_only=True)
closes = lake.sql('SELECT symbol, date, close FROM bars_total_return').df().pivot(index='date', columns='symbol', values='close')

# %% Momentum over 20 sessions, of what is listed today and traded on the first and the last of them
listed = lake.sql('FROM universe(current_date)').df().symbol
momentum = (closes.iloc[-1] / closes.iloc[-21] - 1)[closes.columns.intersection(listed)].dropna().sort_values()
print(momentum.tail(10)[::-1].map('{:+.1%}'.format).to_string())

# %% What a dollar became in a year: ten names of the most momentum, held equally, beside the benchmark
portfolio = closes[momentum.index[-10:]].iloc[-252:].dropna(axis='columns')
growth = (portfolio / portfolio.iloc[0]).mean(axis='columns').to_frame('ten names, held equally')
growth['SPY'] = closes.SPY / closes.SPY[growth.index[0]]
growth.plot(title='1 USD, dividends put back', ylabel='USD', xlabel='', figsize=(8, 4))
plt.savefig('market.png', bbox_inches='tight')
