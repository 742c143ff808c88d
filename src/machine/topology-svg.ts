/** Draws the shape of a machine as an SVG that stands alone: no font, script or style sheet beside it. Pure. */
import { formatCpuList } from '../cpu-list.ts'
import { plural } from '../plural.ts'
import { formatBytes } from '../units.ts'
import type { Topology, TopologyDevice, TopologyNode } from './topology.ts'

const WIDTH = 240
const GAP = 16
const LINE = 22
const PER_ROW = 4
/** Squares of single CPUs that fit; more are written as a list. */
const CPU_SQUARES = 16
const SQUARES_PER_LINE = 8
const SQUARE = 22

/** Style of the picture, for a page that holds several of them: it applies below the class `topology` only. */
export const TOPOLOGY_STYLE = `
.topology text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2933 }
.topology .title { font-weight: 600 } .topology .dim { fill: #616e7c }
.topology .machine { fill: #f5f7fa; stroke: #9aa5b1 } .topology .node { fill: #ffffff; stroke: #7b8794 }
.topology .cpu { fill: #d9e8ff; stroke: #4a7fc1 } .topology .memory { fill: #e3f5e6; stroke: #4d9a5b }
.topology .device { fill: #fdf0d5; stroke: #c08a2b }
@media (prefers-color-scheme: dark) {
.topology text { fill: #e4e7eb } .topology .dim { fill: #9aa5b1 }
.topology .machine { fill: #1f2933; stroke: #52606d } .topology .node { fill: #28323d; stroke: #616e7c }
.topology .cpu { fill: #24446f; stroke: #6ea0e0 } .topology .memory { fill: #25492c; stroke: #69b578 }
.topology .device { fill: #54411b; stroke: #d3a247 }
}`

/** What is drawn, and how high it came out. */
interface Drawing {
  readonly marks: readonly string[]
  readonly height: number
}

/**
 * The picture of a machine: its nodes with CPUs, memory and devices, and the distances between nodes.
 *
 * @returns An SVG document. Colours follow the reader's light or dark scheme.
 * @example
 * writeFileSync('machine.svg', topologySvg(topologyOf('default', machine)))
 */
export function topologySvg(topology: Topology): string {
  return picture(topology, [`<style>${TOPOLOGY_STYLE}</style>`])
}

/** The same picture for a page that has `TOPOLOGY_STYLE` once for all of them. */
export function topologyFigure(topology: Topology): string {
  return picture(topology, [])
}

function picture(topology: Topology, head: readonly string[]): string {
  const nodes = topology.nodes.map((node) => drawNode(node, topology.bootCpus))
  const perRow = Math.min(PER_ROW, nodes.length)
  const rows = chunk(nodes, perRow)
  const width = perRow * (WIDTH + GAP) + GAP
  const marks: string[] = []
  let y = GAP + LINE + 8
  for (const row of rows) {
    const height = Math.max(...row.map((n) => n.height))
    for (const [column, node] of row.entries()) {
      const x = GAP + column * (WIDTH + GAP)
      marks.push(group(x, y, [box('node', WIDTH, height), ...node.marks]))
    }
    y += height + GAP
  }
  for (const below of [drawDevices(topology.devices, width - 2 * GAP), drawDistances(topology.distances)]) {
    if (below.height === 0) continue
    marks.push(group(GAP, y, below.marks))
    y += below.height + GAP
  }
  const title = `${topology.name} · ${topology.type}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="topology" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-label="${xmlText(`Machine ${topology.name}`)}">`,
    ...head,
    `<rect class="machine" x="0.5" y="0.5" width="${width - 1}" height="${y - 1}" rx="8"/>`,
    text(GAP, GAP + 14, title, 'title'),
    ...marks,
    '</svg>\n',
  ].join('\n')
}

function drawNode({ node, cpus, bytes, devices }: TopologyNode, bootCpus: number): Drawing {
  const inside = WIDTH - 2 * GAP
  const marks = [text(GAP, 22, node === undefined ? 'no NUMA' : `node ${node}`, 'title')]
  let y = 34
  const cpuMarks = drawCpus(cpus, bootCpus)
  marks.push(group(GAP, y, cpuMarks.marks))
  y += cpuMarks.height + 8
  for (const [kind, label] of [
    ...(bytes > 0 ? [['memory', `${formatBytes(bytes)} memory`] as const] : []),
    ...devices.map((d) => ['device', labelOf(d)] as const),
  ]) {
    marks.push(group(GAP, y, [box(kind, inside, LINE + 4), text(8, 18, cut(label, 28))]))
    y += LINE + 10
  }
  return { marks, height: y + 6 }
}

function drawCpus(cpus: readonly number[], bootCpus: number): Drawing {
  if (cpus.length === 0) return { marks: [text(0, 15, 'no CPUs', 'dim')], height: LINE }
  if (cpus.length > CPU_SQUARES) {
    const label = `${plural(cpus.length, 'CPU')}: ${formatCpuList(cpus)}`
    return {
      marks: [box('cpu', WIDTH - 2 * GAP, LINE + 4), text(8, 18, cut(label, 28))],
      height: LINE + 4,
    }
  }
  const marks = cpus.map((cpu, index) => {
    const [x, y] = [
      (index % SQUARES_PER_LINE) * (SQUARE + 4),
      Math.floor(index / SQUARES_PER_LINE) * (SQUARE + 4),
    ]
    const dash = cpu >= bootCpus ? ' stroke-dasharray="3 2"' : ''
    return group(x, y, [
      `<rect class="cpu" width="${SQUARE}" height="${SQUARE}" rx="3"${dash}/>`,
      `<text x="${SQUARE / 2}" y="15" text-anchor="middle">${cpu}</text>`,
    ])
  })
  return { marks, height: Math.ceil(cpus.length / SQUARES_PER_LINE) * (SQUARE + 4) }
}

function drawDevices(devices: readonly TopologyDevice[], width: number): Drawing {
  const perLine = Math.max(1, Math.floor((width + GAP) / (WIDTH + GAP)))
  const marks = devices.map((device, index) =>
    group((index % perLine) * (WIDTH + GAP), Math.floor(index / perLine) * (LINE + 12), [
      box('device', WIDTH, LINE + 4),
      text(8, 18, cut(labelOf(device), 32)),
    ]),
  )
  return { marks, height: Math.ceil(devices.length / perLine) * (LINE + 12) }
}

function drawDistances(distances: readonly (readonly number[])[]): Drawing {
  if (distances.length === 0) return { marks: [], height: 0 }
  const column = 34
  const heading = distances.map((_, to) => text(70 + to * column, 38, `${to}`, 'dim'))
  const rows = distances.flatMap((row, from) => [
    text(0, 60 + from * LINE, `node ${from}`, 'dim'),
    ...row.map((value, to) => text(70 + to * column, 60 + from * LINE, `${value}`)),
  ])
  return {
    marks: [text(0, 15, 'distances', 'title'), ...heading, ...rows],
    height: 60 + (distances.length - 1) * LINE,
  }
}

const labelOf = ({ kind, id, detail }: TopologyDevice) => [kind, id, detail].filter(Boolean).join(' ')

const cut = (label: string, letters: number) =>
  label.length > letters ? `${label.slice(0, letters - 1)}…` : label

const box = (kind: string, width: number, height: number) =>
  `<rect class="${kind}" width="${width}" height="${height}" rx="5"/>`

const text = (x: number, y: number, words: string, kind?: string) =>
  `<text x="${x}" y="${y}"${kind === undefined ? '' : ` class="${kind}"`}>${xmlText(words)}</text>`

const group = (x: number, y: number, marks: readonly string[]) =>
  `<g transform="translate(${x} ${y})">${marks.join('')}</g>`

function chunk<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  )
}

/** XML 1.0, 2.2 allows no control characters; 2.4 wants these five escaped. */
function xmlText(words: string): string {
  return words
    .replace(/\p{Cc}/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&apos;')
}
