/** Style of the report: one sheet for all pages, light and dark by the reader's system. */
import { TOPOLOGY_STYLE } from '../machine/topology-svg.ts'

const LIGHT = `
--page: #ffffff; --raised: #f6f8fa; --line: #d9dee4; --text: #1c2430; --dim: #5b6673; --accent: #1f5fbf;
--good: #1a7f37; --bad: #c4262e; --crash: #9a1b6a; --late: #9a5b00; --odd: #4b5a6b;
--good-soft: #dff3e4; --bad-soft: #fde3e3; --crash-soft: #f8e0f0; --late-soft: #fbeccb; --odd-soft: #e7ebf0;
--mark: #fff1b8; --running: #2b71d9;`
const DARK = `
--page: #12161c; --raised: #1a2029; --line: #303945; --text: #e3e8ee; --dim: #9aa6b4; --accent: #7fb2ff;
--good: #5fd07d; --bad: #ff8482; --crash: #f08fd0; --late: #f0b35a; --odd: #a9b6c4;
--good-soft: #14351f; --bad-soft: #45191c; --crash-soft: #40162f; --late-soft: #3d2a08; --odd-soft: #28313c;
--mark: #54450b; --running: #5c9dff;`

const VERDICTS = {
  passed: 'good',
  failed: 'bad',
  crashed: 'crash',
  'timed-out': 'late',
  'machine-failed': 'odd',
  interrupted: 'odd',
  running: 'odd',
  abandoned: 'odd',
  elsewhere: 'odd',
}

const verdictRules = Object.entries(VERDICTS)
  .map(
    ([verdict, name]) =>
      `.v-${verdict} { color: var(--${name}); background: var(--${name}-soft); fill: var(--${name}) }`,
  )
  .join('\n')

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.55 ui-sans-serif, system-ui, sans-serif }
main { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 5rem }
a { color: var(--accent); text-underline-offset: 2px }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px }
.skip { position: absolute; left: -100vw } .skip:focus { left: 1rem; top: .5rem; background: var(--page); padding: .25rem .5rem }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; font-weight: 650; letter-spacing: -.01em; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .75rem; font-weight: 650; overflow-wrap: anywhere }
h3 { font-size: 1rem; margin: 1.75rem 0 .5rem; font-weight: 650 }
p { margin: .5rem 0 }
code, pre, .mono { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.dim, figcaption, .events td:first-child { color: var(--dim) }
.kind { margin: 0 0 .25rem; color: var(--dim); font-size: .85rem }
.title-line { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center }
.meaning { font-size: 1.05rem; margin: .75rem 0 0; max-width: 52rem; overflow-wrap: anywhere }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: 600; font-size: .9rem; white-space: nowrap }
${verdictRules}
nav.contents { margin: 1.5rem 0 0; padding: .6rem 0; border-block: 1px solid var(--line); font-size: .9rem }
nav.contents ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0; padding: 0; list-style: none }
nav.contents a { text-decoration: none } nav.contents a:hover { text-decoration: underline }
dl.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .75rem 2rem; margin: 1.5rem 0 0 }
dl.facts div { min-width: 0 } dl.facts dt { color: var(--dim); font-size: .8rem } dl.facts dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }
table.plain { width: 100% }
caption { text-align: left; color: var(--dim); padding-bottom: .4rem; font-size: .9rem }
th { text-align: left; font-weight: 600 } thead th { color: var(--dim); font-size: .8rem; font-weight: 500 }
.plain th, .plain td { padding: .3rem 1rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
.plain tbody tr:last-child > * { border-bottom: 0 } .plain tbody + tbody tr:first-child > * { border-top: 1px solid var(--line); padding-top: .75rem }
.plain .number, td.number, th.number { text-align: right; white-space: nowrap } .compared td:first-child { width: 1.5rem; font-weight: 700 } .compared td:last-child { color: var(--dim) }
.good { color: var(--good) } .bad { color: var(--bad) } tr.differs td { background: var(--bad-soft) }
.finding { border-left: 3px solid var(--odd); padding: .1rem 0 .1rem 1rem; margin: 1rem 0 }
.finding.error { border-color: var(--bad) } .finding.warning { border-color: var(--late) }
.finding h3 { margin: 0; font-size: .95rem } .finding h3 .dim { font-weight: 400 }
.finding dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .25rem 0 }
.finding dt { color: var(--dim) } .finding dd { margin: 0; overflow-wrap: anywhere }
pre { margin: 0; padding: .75rem 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; overflow: auto; tab-size: 8 }
pre.command { white-space: pre-wrap; overflow-wrap: anywhere }
.copyable { position: relative } .copyable button { position: absolute; top: .4rem; right: .4rem }
button { font: inherit; font-size: .8rem; color: var(--dim); background: var(--page); border: 1px solid var(--line); border-radius: 4px; padding: .1rem .5rem; cursor: pointer }
button:hover { color: var(--text); border-color: var(--dim) }
figure { margin: .5rem 0 1rem } figcaption { font-size: .85rem; margin-bottom: .35rem; display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap }
.log { max-height: 30rem } .log.whole { max-height: none }
.log i { display: inline-block; min-width: 9ch; margin-right: 1.5ch; text-align: right; font-style: normal; color: var(--dim); user-select: none }
.log b { display: block; font-weight: 400; color: var(--dim); margin: .5rem 0; padding-left: 10.5ch }
mark { background: var(--mark); color: inherit }
.screen img { max-width: 100%; border: 1px solid var(--line); border-radius: 6px; display: block; image-rendering: auto }
.wide { overflow-x: auto; margin: .5rem 0 }
svg { display: block; max-width: none } svg text { font-family: ui-sans-serif, system-ui, sans-serif }
.timeline { width: 100%; min-width: 44rem; height: auto } .timeline text { font-size: 13px; fill: var(--text) }
.timeline .tick, .rack .dim { fill: var(--dim); font-size: 12px } .timeline .grid { stroke: var(--line) }
.timeline .waiting { fill: none; stroke: var(--line); stroke-dasharray: 3 3 } .timeline .starting { fill: var(--line) }
.timeline .running { fill: var(--running) } .timeline .command { fill: var(--text); opacity: .55 } .timeline .mark { fill: var(--accent) }
.rack text { font-size: 13px; fill: var(--text) } .rack .title { font-weight: 600 }
.rack .guest { fill: var(--raised); stroke: var(--dim) } .rack line { stroke-width: 1.5 }
.rack .network line { stroke: var(--running) } .rack .network circle { fill: var(--running) }
.rack .shared line { stroke: var(--late) } .rack .shared circle { fill: var(--late) }
details { margin: .75rem 0 } summary { cursor: pointer; color: var(--accent); width: fit-content }
details[open] > summary { margin-bottom: .5rem }
footer { margin-top: 4rem; color: var(--dim); font-size: .85rem }
${TOPOLOGY_STYLE}
@media print { main { max-width: none; padding: 0 } .log { max-height: none } button, .skip, nav.contents { display: none } }
`
