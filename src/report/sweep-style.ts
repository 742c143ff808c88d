/** What the page of a sweep adds to style and script. */

export const SWEEP_STYLE = `
:root { --series-0: #1f5fbf; --series-1: #c05a00; --series-2: #1a7f37; --series-3: #9a1b6a; --series-4: #5b6673; --series-5: #8a6d00;
--heat-0: #edf3fb; --heat-1: #d3e3f6; --heat-2: #b2cef0; --heat-3: #86b1e6; --heat-4: #4f8bd6; --heat-5: #1f5fbf }
@media (prefers-color-scheme: dark) { :root { --series-0: #7fb2ff; --series-1: #f0a35a; --series-2: #5fd07d; --series-3: #f08fd0; --series-4: #a9b6c4; --series-5: #e0c95a;
--heat-0: #1a2536; --heat-1: #1f3250; --heat-2: #24416d; --heat-3: #2a528d; --heat-4: #2f65b0; --heat-5: #3b7bd6 } }
${[0, 1, 2, 3, 4, 5].map((n) => `.series-${n} { color: var(--series-${n}) } .heat-${n} { background: var(--heat-${n}) }`).join('\n')}
.matrix .heat-4 a, .matrix .heat-5 a { color: #fff }
.matrix th, .matrix td { padding: .25rem .75rem; } .matrix th { text-align: left; font-weight: 500; white-space: nowrap } .matrix thead th.value { text-align: center }
.matrix td { text-align: center; border: 2px solid var(--page); padding: 0; min-width: 4.5rem }
.matrix td a, .matrix td > span { display: block; padding: .3rem .75rem; text-decoration: none; color: var(--text) } .matrix td a:hover { text-decoration: underline }
.matrix .passed, .state-passed { background: var(--good-soft); color: var(--good) } .matrix .failed, .state-failed { background: var(--bad-soft); color: var(--bad) }
.matrix .flaky, .state-flaky { background: var(--late-soft); color: var(--late) } .matrix .impossible, .state-impossible, .matrix .open, .state-open { background: var(--odd-soft); color: var(--odd) }
.matrix .passed a, .matrix .failed a, .matrix .flaky a { color: inherit; font-weight: 600 } .matrix .none span { color: var(--dim) }
ul.links { margin: 0; padding: 0; list-style: none } .axis { display: inline-block; margin-right: 1.25rem } .axis .dim { font-weight: 400 }
.steps { display: flex; gap: 1.5rem; margin-bottom: 1.5rem; font-size: .9rem } .run { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1.5rem } .run h1 { font-size: 1.3rem }
.plot { color: var(--text); display: block; height: auto; width: 100%; min-width: 36rem } .plot text { font-size: 11px; white-space: pre }
.pictures { position: absolute }
table.plain + table.plain { margin-top: 1.5rem }
@supports selector(:has(a)) {
.cells > article { display: none } .cells > article:target, .cells > article:has(:target) { display: block }
body:has(.cells > article:target) #overview, body:has(.cells > article :target) #overview { display: none } }
`

export const SWEEP_SCRIPT = `
for (const table of document.querySelectorAll('table.matrix')) table.addEventListener('keydown', (event) => {
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key]
  const cell = event.target.closest('td')
  if (!move || !cell) return
  event.preventDefault()
  let [column, row] = [cell.cellIndex, cell.parentElement.sectionRowIndex]
  const rows = cell.closest('tbody').rows
  do {
    column += move[0]
    row += move[1]
    const link = rows[row]?.cells[column]?.querySelector('a')
    if (link) return link.focus()
  } while (rows[row]?.cells[column]?.tagName === 'TD')
})
let opened
addEventListener('click', (event) => { if (event.target.closest?.('#overview a')) opened = event.target.closest('a') })
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !document.querySelector('.cells > article:target, .cells > article:has(:target)')) return
  location.hash = '#matrix'
  opened?.focus()
})
addEventListener('hashchange', () => { if (location.hash.startsWith('#cell-')) scrollTo(0, 0) })
`
