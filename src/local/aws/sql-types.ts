/** How the Data API returns a PostgreSQL type. `refused`: it cannot (UnsupportedResultException). */
export type FieldKind = 'boolean' | 'long' | 'double' | 'decimal' | 'string' | 'instant' | 'blob' | 'array' | 'refused';

export interface PgType {
  name: string;
  kind: FieldKind;
  /** java.sql.Types code, as in columnMetadata.type. */
  jdbc: number;
  /** Element type's oid of an array. */
  element?: number;
}

const OTHER = 1111;
const SCALARS: Record<number, PgType> = {
  16: { name: 'bool', kind: 'boolean', jdbc: -7 },
  17: { name: 'bytea', kind: 'blob', jdbc: -2 },
  18: { name: 'char', kind: 'refused', jdbc: 1 },
  19: { name: 'name', kind: 'string', jdbc: 12 },
  20: { name: 'int8', kind: 'long', jdbc: -5 },
  21: { name: 'int2', kind: 'long', jdbc: 5 },
  23: { name: 'int4', kind: 'long', jdbc: 4 },
  25: { name: 'text', kind: 'string', jdbc: 12 },
  26: { name: 'oid', kind: 'long', jdbc: -5 },
  114: { name: 'json', kind: 'string', jdbc: OTHER },
  142: { name: 'xml', kind: 'refused', jdbc: 2009 },
  700: { name: 'float4', kind: 'double', jdbc: 7 },
  701: { name: 'float8', kind: 'double', jdbc: 8 },
  1042: { name: 'bpchar', kind: 'string', jdbc: 1 },
  1043: { name: 'varchar', kind: 'string', jdbc: 12 },
  1082: { name: 'date', kind: 'instant', jdbc: 91 },
  1083: { name: 'time', kind: 'string', jdbc: 92 },
  1114: { name: 'timestamp', kind: 'instant', jdbc: 93 },
  1184: { name: 'timestamptz', kind: 'instant', jdbc: 93 },
  1186: { name: 'interval', kind: 'refused', jdbc: OTHER },
  1700: { name: 'numeric', kind: 'decimal', jdbc: 2 },
  2950: { name: 'uuid', kind: 'string', jdbc: OTHER },
  3802: { name: 'jsonb', kind: 'string', jdbc: OTHER },
};

const ELEMENT_OF: Record<number, number> = {
  199: 114,
  1000: 16,
  1005: 21,
  1007: 23,
  1009: 25,
  1014: 1042,
  1015: 1043,
  1016: 20,
  1021: 700,
  1022: 701,
  1115: 1114,
  1182: 1082,
  1185: 1184,
  1231: 1700,
  2951: 2950,
  3807: 3802,
};

/** Every oid with a rule of its own; adapters switch their value parsers off for these. */
export const KNOWN_OIDS: readonly number[] = [...Object.keys(SCALARS), ...Object.keys(ELEMENT_OF)].map(Number);

/** The type behind an oid; enums, ranges and the rest are text, as the Data API gives them. */
export function pgType(oid: number): PgType {
  const element = ELEMENT_OF[oid];
  if (element !== undefined) {
    return { name: `_${SCALARS[element]?.name ?? 'text'}`, kind: 'array', jdbc: 2003, element };
  }
  return SCALARS[oid] ?? { name: 'text', kind: 'string', jdbc: OTHER };
}
