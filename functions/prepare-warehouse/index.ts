import { lambda } from '../../src/lambda.ts';
import { preparation, prepareWarehouse } from '../../src/night/open.ts';
import { prepareNightUser, secretOf } from '../../src/warehouse/night-user.ts';

/** Wakes the warehouse, applies migrations, enters the night into the ledger, and on AWS prepares the nights' own user. */
export const handler = lambda({
  name: 'prepare-warehouse',
  event: preparation,
  run: async (night, { warehouse, config }) => {
    const prepared = await prepareWarehouse(night, warehouse);
    const secret = config.DATABASE_USER_SECRET_ARN;
    if (secret !== undefined) await prepareNightUser(warehouse, secretOf(secret));
    return prepared;
  },
});
