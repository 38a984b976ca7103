/** What a command needs to act on the same stage again; nothing for a home. */
export function there({ stage }: { stage?: { stage: string } }): string {
  return stage ? ` --stage ${stage.stage}` : '';
}
