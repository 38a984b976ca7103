import { lambda } from '../../src/lambda.ts';
import { executionIsRunning } from '../../src/night/lake-lock.ts';
import { closeMaintenance, maintenanceEvent, retain } from '../../src/night/maintenance.ts';

const isRunning = executionIsRunning();

/** One time-boxed step of the warehouse's retention; with `close`, the ledger of the whole maintenance. */
export const handler = lambda({
  name: 'apply-retention',
  event: maintenanceEvent,
  run: async (event, call) =>
    event.close ? closeMaintenance(event, event.close, call) : retain(event, { ...call, isRunning }, call.remainingMs),
});
