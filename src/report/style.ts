/** The page's style: two colour schemes by variables, one column, what is too wide scrolls by itself. */
export const STYLE = `
:root { color-scheme: light dark;
  --paper: #ffffff; --raised: #f6f8fa; --ink: #1f2328; --muted: #59636e; --line: #d1d9e0; --link: #0550ae;
  --success: #1a7f37; --partial: #9a6700; --held: #bc4c00; --skipped: #818b98; --failed: #cf222e;
  --up: #1a7f37; --down: #cf222e;
  --one: #0969da; --two: #bf8700; --three: #8250df; --four: #1b7c83; --five: #bf3989; --six: #818b98 }
@media (prefers-color-scheme: dark) { :root {
  --paper: #0d1117; --raised: #161b22; --ink: #e6edf3; --muted: #9198a1; --line: #3d444d; --link: #79c0ff;
  --success: #3fb950; --partial: #d29922; --held: #f0883e; --skipped: #656c76; --failed: #ff7b72;
  --up: #3fb950; --down: #ff7b72;
  --one: #4493f8; --two: #d29922; --three: #ab7df8; --four: #39c5cf; --five: #db61a2; --six: #656c76 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 0 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 1.5rem 0 .5rem }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line) }
h2.minor { font-size: 1rem; margin: 1rem 0 .25rem; padding: 0; border: 0 }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem }
p, ul, ol { margin: .5rem 0; max-width: 50rem; overflow-wrap: anywhere }
a { color: var(--link) }
nav ul { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem }
.skip { position: absolute; left: -100rem } .skip:focus { position: static }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.status { display: inline-block; padding: 0 .6rem; border-radius: 1rem; color: var(--paper); font-weight: 600 }
.Succeeded, .success { --tint: var(--success) } .Partial, .partial { --tint: var(--partial) }
.Held, .held { --tint: var(--held) } .Failed, .failed, .Interrupted { --tint: var(--failed) }
.Skipped, .skipped, .Running { --tint: var(--muted) }
.status { background: var(--tint) }
td.word { color: var(--tint); font-weight: 600 }
.practice { border: 2px solid var(--partial); border-radius: .5rem; padding: .5rem .75rem; max-width: none }
.quiet { color: var(--muted) }
.wide { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
caption { text-align: left; color: var(--muted); padding: .25rem 0 }
th, td { padding: .3rem .6rem; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top }
thead th { color: var(--muted); font-weight: 600; white-space: nowrap }
.number { text-align: right; white-space: nowrap }
.long { min-width: 16rem; max-width: 30rem; overflow-wrap: anywhere; font-size: .875rem }
figure { margin: 1rem 0 } figcaption { color: var(--muted); font-size: .9375rem; max-width: 50rem }
svg { display: block } svg:not(.graph) text { font: 12px system-ui, sans-serif }
.graph text { font-family: Helvetica, Arial, sans-serif }
.plot svg { min-width: 30rem; width: 100%; height: auto; max-width: 56rem }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: .5rem }
.small svg { width: 100%; height: auto }
.small p { margin: 0; color: var(--muted); font-size: .875rem }
details { border-bottom: 1px solid var(--line) } summary { cursor: pointer; padding: .4rem 0; font-weight: 600 }
pre { margin: .25rem 0 .75rem; padding: .6rem .75rem; background: var(--raised); border: 1px solid var(--line);
  border-radius: .375rem; overflow-x: auto; font: .875rem/1.5 ui-monospace, Menlo, Consolas, monospace }
code { font: .875em ui-monospace, Menlo, Consolas, monospace }
input, button { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--muted);
  border-radius: .375rem; padding: .3rem .6rem }
footer { margin-top: 3rem; color: var(--muted); font-size: .875rem }
@media print { details:not([open]) > * { display: block } .skip, nav { display: none } }
`;

/** What served pages have besides: a search box with suggestions, controls, and a chart as wide as the page. */
export const SERVED_STYLE = `
body { max-width: 76rem }
.served { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: .25rem 1.5rem;
  border-bottom: 1px solid var(--line) }
.served a, #controls label, #zoom button, .served button { display: inline-flex; align-items: center; min-height: 2.75rem; gap: .35rem }
#search { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; padding: .5rem 0; flex: 0 1 34rem }
#search label { white-space: nowrap }
.box { position: relative; flex: 1 1 12rem } .box input { width: 100%; min-height: 2.75rem }
#options { position: absolute; z-index: 2; left: 0; right: 0; top: 100%; margin: .15rem 0 0; padding: .25rem; list-style: none;
  max-height: 22rem; overflow-y: auto; background: var(--paper); border: 1px solid var(--muted); border-radius: .375rem }
#options li { padding: .5rem .6rem; border-radius: .25rem; cursor: pointer; overflow: hidden; white-space: nowrap;
  text-overflow: ellipsis } #options li[aria-selected=true] { background: var(--raised); outline: 2px solid var(--link) }
#options b { display: inline-block; min-width: 4.5rem; padding-right: .5rem }
.name { color: var(--muted); font-size: 1.125rem; font-weight: 400; overflow-wrap: anywhere }
#controls { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.5rem }
fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; align-items: center; gap: 0 .9rem }
legend { float: left; color: var(--muted); padding: 0 .5rem 0 0 }
input[type=radio], input[type=checkbox] { width: 1.15rem; height: 1.15rem; accent-color: var(--link); margin: 0 }
#zoom { display: flex; flex-wrap: wrap; gap: .35rem } #zoom[hidden] { display: none }
#zoom button[aria-pressed=true] { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link) }
#readout { min-height: 3rem; margin: .5rem 0; font-variant-numeric: tabular-nums; max-width: none }
#readout span { display: inline-block; white-space: nowrap; margin-right: .4rem } #readout b { font-weight: 600; color: var(--muted) }
#chart.drawn { height: clamp(20rem, 60vh, 34rem); overflow: hidden; touch-action: pan-y }
#chart svg { min-width: 40rem; max-width: none }
#view[aria-busy=true] { opacity: .6 }
[aria-current] { font-weight: 600 }
`;
