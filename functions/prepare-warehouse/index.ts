import { lambda } from '../../src/lambda.ts';
import { preparation, prepareWarehouse } from '../../src/night/open.ts';

/** Wakes the warehouse, applies migrations, enters the night into the ledger. */
export const handler = lambda({
  name: 'prepare-warehouse',
  event: preparation,
  run: (night, { warehouse }) => prepareWarehouse(night, warehouse),
});
