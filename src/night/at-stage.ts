/** The option with which a command of ours acts on a deployed stage; nothing on a laptop, whose home is the default. */
export function atStage(stage: string): string {
  return stage === 'local' ? '' : ` --stage ${stage}`;
}
