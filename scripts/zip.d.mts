/** A zip of these files, stored: same files, same bytes. */
export function zip(files: Record<string, Uint8Array>): Buffer;
