/** What stands in FROM for each derived view that is a macro, by its name: its rows of a day. */
export function callsOf(day: string): Readonly<Record<string, string>> {
  const date = `DATE '${day}'`;
  return {
    universe: `universe(${date})`,
    members: `members('russell_2000', ${date})`,
    sessions_as_known: `sessions_as_known(${date})`,
    bars_as_known: `bars_as_known(${date})`,
    splits_as_known: `splits_as_known(${date})`,
    dividends_as_known: `dividends_as_known(${date})`,
    symbol_history_as_known: `symbol_history_as_known(${date})`,
    bars_adjusted: `bars_adjusted('total_return', ${date})`,
  };
}
