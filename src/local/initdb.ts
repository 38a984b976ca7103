/**
 * Creates a PGlite data directory and ends: `node initdb.mjs DIRECTORY`. A process of its own because
 * initdb peaks near 0.9 GB, which the long-lived owner of a home must not keep.
 */
import { PGlite } from '@electric-sql/pglite';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('usage: initdb DIRECTORY');

process.on('disconnect', () => process.exit(1));
const db = await PGlite.create({ dataDir });
await db.close();
process.exit(0);
