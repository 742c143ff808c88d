/** Processors and NUMA nodes of a libvirt domain as words of a QEMU command. Pure. */
import { attribute, child, children, type Element, sizeIn, text } from './elements.ts'
import { keys } from './words.ts'

export function cpuWords(domain: Element): readonly string[] {
  const [cpu, vcpu] = [child(domain, 'cpu'), child(domain, 'vcpu')]
  const mode = attribute(cpu, 'mode')
  const model =
    text(child(cpu, 'model')) ??
    (mode === 'host-passthrough' || mode === 'host-model' || mode === 'maximum' ? 'max' : undefined)
  const switches = children(cpu, 'feature').flatMap((feature) => {
    const policy = attribute(feature, 'policy')
    const name = attribute(feature, 'name')
    if (name === undefined || policy === 'optional') return []
    return [`${policy === 'disable' || policy === 'forbid' ? '-' : '+'}${name}`]
  })
  const topology = child(cpu, 'topology')
  const all = text(vcpu)
  const now = attribute(vcpu, 'current') ?? all
  const place = (name: string) => attribute(topology, name)
  const smp = keys('', {
    cpus: now,
    sockets: place('sockets'),
    dies: place('dies'),
    cores: place('cores'),
    threads: place('threads'),
    maxcpus: all === now ? undefined : all,
  })
  const cells = children(child(cpu, 'numa'), 'cell').flatMap((cell, n) => {
    const id = attribute(cell, 'id') ?? `${n}`
    const size = sizeIn({ '#text': attribute(cell, 'memory'), '@unit': attribute(cell, 'unit') ?? 'KiB' })
    const cpus = (attribute(cell, 'cpus') ?? '')
      .split(',')
      .filter(Boolean)
      .map((part) => `,cpus=${part}`)
      .join('')
    const distances = children(child(cell, 'distances'), 'sibling').flatMap((sibling) => [
      '-numa',
      `dist,src=${id},dst=${attribute(sibling, 'id')},val=${attribute(sibling, 'value')}`,
    ])
    return ['-numa', `node,nodeid=${id}${cpus}${size === undefined ? '' : `,mem=${size}`}`, ...distances]
  })
  return [
    ...(model === undefined ? [] : ['-cpu', [model, ...switches].join(',')]),
    ...(smp === '' ? [] : ['-smp', smp]),
    ...cells,
  ]
}
