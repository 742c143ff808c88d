/**
 * What QEMUs differ in and machines may depend on, under names of bringup's own. The binary tells each by its
 * types, properties, commands and exported functions. Versions decide nothing.
 */
import { readFile } from 'node:fs/promises'
import type { QemuCapabilities } from '../machine/facts.ts'
import type { QmpSchemaInfo } from './qmp-types.ts'

export interface FeatureAnswers
  extends Pick<
    QemuCapabilities,
    'types' | 'properties' | 'netdevs' | 'accelerators' | 'hasLibpmem' | 'hasTcgX2apic'
  > {
  readonly schema: readonly QmpSchemaInfo[]
  /** Options of the command line that QEMU lists by QMP. */
  readonly options: readonly string[]
  /** Functions that the binary exports to plugins. */
  readonly exported: readonly string[]
}

interface Feature {
  readonly says: string
  readonly isIn: (answers: FeatureAnswers) => boolean
}

const type = (name: string) => (a: FeatureAnswers) => a.types.includes(name)
const property = (of: string, name: string) => (a: FeatureAnswers) =>
  a.properties[of]?.includes(name) === true
const command = (name: string) => (a: FeatureAnswers) =>
  a.schema.some((entry) => entry['meta-type'] === 'command' && entry.name === name)
/** `json-cli` of `device_add`: "the -device command line option supports JSON syntax" (qapi/qdev.json). */
const takesJsonDevices = ({ schema }: FeatureAnswers) =>
  schema.some(({ name, features }) => name === 'device_add' && features?.includes('json-cli') === true)
/** -object takes JSON since `object-add` has a type for each kind of object (qapi/qom.json, ObjectOptions). */
function takesJsonObjects({ schema }: FeatureAnswers): boolean {
  const type = schema.find(({ name }) => name === 'object-add')?.['arg-type']
  return schema.some(({ name, variants = [] }) => name === type && variants.length > 0)
}
/** The capabilities of a migration are an enumeration of the schema. */
const migration = (name: string) => (a: FeatureAnswers) =>
  a.schema.some((entry) => entry['meta-type'] === 'enum' && entry.values?.includes(name) === true)
const exports = (name: string) => (a: FeatureAnswers) => a.exported.includes(name)

/** Features by name. */
export const FEATURES: Readonly<Record<string, Feature>> = {
  kvm: { says: 'built with KVM', isIn: (a) => a.accelerators.includes('kvm') },
  tcg: { says: 'built with TCG', isIn: (a) => a.accelerators.includes('tcg') },
  nvdimm: { says: 'NVDIMMs', isIn: type('nvdimm') },
  'nvdimm-readonly': {
    says: 'memory-backend-file with readonly=on',
    isIn: property('memory-backend-file', 'readonly'),
  },
  libpmem: { says: 'pmem=on for backing files (libpmem)', isIn: (a) => a.hasLibpmem },
  'virtio-pmem': { says: 'virtio-pmem-pci', isIn: type('virtio-pmem-pci') },
  cxl: { says: 'CXL memory', isIn: type('cxl-type3') },
  'cxl-volatile': { says: 'volatile CXL memory', isIn: property('cxl-type3', 'volatile-memdev') },
  'cxl-dynamic': {
    says: 'CXL memory of dynamic capacity',
    isIn: property('cxl-type3', 'volatile-dc-memdev'),
  },
  'cxl-errors': { says: 'errors of CXL devices by QMP', isIn: command('cxl-inject-uncorrectable-errors') },
  pvrdma: { says: 'para-virtual RDMA', isIn: type('pvrdma') },
  ivshmem: { says: 'shared memory between machines', isIn: type('ivshmem-doorbell') },
  slirp: { says: 'user-mode networks', isIn: (a) => a.netdevs.includes('user') },
  action: {
    says: '-action: what a reset, a panic or a watchdog does',
    isIn: (a) => a.options.includes('action'),
  },
  'device-json': { says: '-device with JSON', isIn: takesJsonDevices },
  'object-json': { says: '-object with JSON', isIn: takesJsonObjects },
  'net-stream': { says: 'networks over streams', isIn: (a) => a.netdevs.includes('stream') },
  plugins: { says: 'TCG plugins', isIn: (a) => a.options.includes('plugin') },
  'plugin-registers': {
    says: 'plugins that read registers',
    isIn: (a) => a.options.includes('plugin') && exports('qemu_plugin_read_register')(a),
  },
  'plugin-values': {
    says: 'plugins that read the values of memory accesses',
    isIn: (a) => a.options.includes('plugin') && exports('qemu_plugin_mem_get_value')(a),
  },
  'mapped-ram': { says: 'states with RAM at fixed offsets', isIn: migration('mapped-ram') },
  'tcg-x2apic': { says: 'more than 255 CPUs under TCG', isIn: (a) => a.hasTcgX2apic },
}

/** The features that the answers show. Pure. */
export const featuresOf = (answers: FeatureAnswers): readonly string[] =>
  Object.entries(FEATURES).flatMap(([name, { isIn }]) => (isIn(answers) ? [name] : []))

/** Names for plugins in the binary's table of symbols; empty where it cannot be read. */
export async function exportedNames(path: string): Promise<readonly string[]> {
  const content = await readFile(path).catch(() => Buffer.alloc(0))
  return ['qemu_plugin_read_register', 'qemu_plugin_mem_get_value'].filter((name) =>
    content.includes(`\0${name}\0`),
  )
}
