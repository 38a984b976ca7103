const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/** LevelDB and PostgreSQL hand on the system's words, not its code. */
const SAID: readonly [RegExp, string][] = [
  [/\bENOSPC\b|no space left on device/i, 'ENOSPC'],
  [/\bEDQUOT\b|disk quota exceeded/i, 'EDQUOT'],
  [/\bEROFS\b|read-only file system/i, 'EROFS'],
];

export interface DiskTrouble {
  reason: string;
  /** Room mends it, nothing else does. */
  full: boolean;
}

/** Pure: what the system's refusal to write means, or undefined for an error of another kind. */
export function diskTrouble(error: unknown): DiskTrouble | undefined {
  const { code = '', message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  const key = String(code) in REASONS ? String(code) : SAID.find(([words]) => words.test(message))?.[1];
  const reason = REASONS[key ?? ''];
  return reason === undefined ? undefined : { reason, full: key === 'ENOSPC' || key === 'EDQUOT' };
}
