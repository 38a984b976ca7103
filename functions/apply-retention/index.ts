import { lambda } from '../../src/lambda.ts';
import { closeMaintenance, maintenanceEvent, retain, takeLake } from '../../src/night/maintenance.ts';
import { executionIsRunning } from '../../src/night/open.ts';

const isRunning = executionIsRunning();

/** One time-boxed step of the warehouse's retention; `take` is the lake for vacuum, `close` the whole ledger. */
export const handler = lambda({
  name: 'apply-retention',
  event: maintenanceEvent,
  run: async (event, call) => {
    if (event.take) return takeLake(event, { ...call, isRunning });
    if (event.close) return closeMaintenance(event, event.close, call);
    return retain(event, { ...call, isRunning }, call.remainingMs);
  },
});
