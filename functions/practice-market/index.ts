import { marketHandler } from '../../src/local/market/market-handler.ts';

/** The vendors of a practice stage; invoked by the functions that ask vendors, and by no machine. */
export const handler = marketHandler({ name: 'practice-market' });
