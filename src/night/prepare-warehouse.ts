import * as z from 'zod';
import type { Warehouse } from '../warehouse/client.ts';
import { migrate } from '../warehouse/migrate.ts';
import openSql from '../warehouse/queries/open-night.sql';

export const preparation = z.object({
  runId: z.string(),
  session: z.string(),
  kind: z.string(),
  openedAt: z.string(),
  executionArn: z.string(),
  releasedRun: z.string().nullable(),
  lanes: z.array(z.object({ tasks: z.array(z.string()) })),
  enrich: z.array(z.object({ task: z.string() })),
  prices: z.object({ due: z.boolean() }),
  jobs: z.object({ consolidate: z.object({ wanted: z.boolean() }), resample: z.object({ wanted: z.boolean() }) }),
});

/** @throws Database.Resuming while the cluster wakes up; the state machine waits and asks again. */
export async function prepareWarehouse(
  night: z.output<typeof preparation>,
  warehouse: Warehouse,
): Promise<{ applied: string[] }> {
  const applied = await migrate(warehouse);
  await warehouse.query(openSql, {
    run_id: night.runId,
    session: night.session,
    kind: night.kind,
    started_at: night.openedAt.replace('T', ' ').replace('Z', ''),
    execution_arn: night.executionArn,
    released_run: night.releasedRun,
    planned: JSON.stringify(plannedTasks(night)),
  });
  return { applied };
}

/** What a run is to do, by the names of sync_logs: should it be killed, each has its row. */
function plannedTasks({ lanes, enrich, prices, jobs }: z.output<typeof preparation>): string[] {
  return [
    ...lanes.flatMap(({ tasks }) => tasks),
    ...(prices.due ? ['prices'] : []),
    ...(['consolidate', 'resample'] as const).filter((job) => jobs[job].wanted),
    ...enrich.map(({ task }) => task),
  ];
}
