/** The machine each rule of `state-machines/rules.json` starts with the event's detail; Terraform has the same targets. */
export const RULE_TARGETS: Readonly<Record<string, MachineName>> = { 'night-completed': 'portfolio' };

/** Files of `state-machines/` that a laptop runs. */
export const MACHINES = ['nightly', 'portfolio', 'maintenance'] as const;
export type MachineName = (typeof MACHINES)[number];
