// What runs inside a simulated process: the code under test, bundled apart from the simulator.
import { handler as analyzePortfolio } from '../../functions/analyze-portfolio/index.ts';
import { handler as applyRetention } from '../../functions/apply-retention/index.ts';
import { handler as checkNight } from '../../functions/check-night/index.ts';
import { handler as closeNight } from '../../functions/close-night/index.ts';
import { handler as listHoldings } from '../../functions/list-holdings/index.ts';
import { handler as openNight } from '../../functions/open-night/index.ts';
import { handler as prepareWarehouse } from '../../functions/prepare-warehouse/index.ts';
import { handler as publishSession } from '../../functions/publish-session/index.ts';
import { handler as renderReport } from '../../functions/render-report/index.ts';
import { handler as stageSession } from '../../functions/stage-session/index.ts';
import { handler as syncAssets } from '../../functions/sync-assets/index.ts';
import { handler as syncDividends } from '../../functions/sync-dividends/index.ts';
import { handler as syncIndexMembers } from '../../functions/sync-index-members/index.ts';
import { handler as syncMetadata } from '../../functions/sync-metadata/index.ts';
import { handler as syncSplits } from '../../functions/sync-splits/index.ts';
import { handler as syncTickers } from '../../functions/sync-tickers/index.ts';
import { handler as syncValuations } from '../../functions/sync-valuations/index.ts';
import { handler as updateTickerData } from '../../functions/update-ticker-data/index.ts';

export { consolidator } from '../../batch-images/consolidator/consolidator.ts';
export { resampler } from '../../batch-images/resampler/resampler.ts';
export { backfill } from '../../src/cli/backfill.ts';
export { night, release } from '../../src/cli/night.ts';
export { exitCodeOf } from '../../src/cli/outcome.ts';
export { runTask } from '../../src/cli/run-task.ts';
export { verify } from '../../src/cli/verify/verify.ts';
export { loadConfig } from '../../src/config.ts';
export { loadMachine } from '../../src/local/states/load.ts';
export { runMachine } from '../../src/local/states/run-machine.ts';
export { openStores } from '../../src/stores.ts';

/** By their names in the state machines. */
export const functions = {
  'analyze-portfolio': analyzePortfolio,
  'apply-retention': applyRetention,
  'check-night': checkNight,
  'close-night': closeNight,
  'list-holdings': listHoldings,
  'open-night': openNight,
  'prepare-warehouse': prepareWarehouse,
  'publish-session': publishSession,
  'render-report': renderReport,
  'stage-session': stageSession,
  'sync-assets': syncAssets,
  'sync-index-members': syncIndexMembers,
  'sync-metadata': syncMetadata,
  'sync-dividends': syncDividends,
  'sync-splits': syncSplits,
  'sync-tickers': syncTickers,
  'sync-valuations': syncValuations,
  'update-ticker-data': updateTickerData,
};
