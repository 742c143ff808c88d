/** CPU features of the description, compared with those that the guest lists. */
import type { Expectation, NotCompared } from '../device.ts'
import type { HardwareView } from '../guest-view.ts'

/** QEMU's names whose flag in /proc/cpuinfo differs by more than `_`. Source: arch/x86/include/asm/cpufeatures.h. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  'tsc-deadline': 'tsc_deadline_timer',
  invtsc: 'nonstop_tsc',
  'sha-ni': 'sha_ni',
  pcommit: 'pcommit',
  'lahf-lm': 'lahf_lm',
  'cmp-legacy': 'cmp_legacy',
  lzcnt: 'abm',
  i64: 'lm',
  ffxsr: 'fxsr_opt',
  'fxsr-opt': 'fxsr_opt',
  sse3: 'pni',
  pcid: 'pcid',
  xd: 'nx',
}

/** Flags that Linux lists whenever the CPU has them: the absence of one of these is an answer. */
const LISTED = new Set(
  (
    'fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx mmxext ' +
    'pdpe1gb rdtscp lm 3dnowext 3dnow nonstop_tsc pni pclmulqdq monitor vmx ssse3 fma cx16 pcid sse4_1 sse4_2 x2apic movbe ' +
    'popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm svm cr8_legacy abm sse4a misalignsse 3dnowprefetch ' +
    'xop fma4 tbm topoext fsgsbase tsc_adjust bmi1 hle avx2 smep bmi2 erms invpcid rtm avx512f avx512dq rdseed adx smap ' +
    'avx512ifma clflushopt clwb avx512pf avx512er avx512cd sha_ni avx512bw avx512vl xsaveopt xsavec xgetbv1 xsaves clzero ' +
    'xsaveerptr wbnoinvd arat npt avx512vbmi umip pku ospke avx512_vbmi2 gfni vaes vpclmulqdq avx512_vnni avx512_bitalg ' +
    'avx512_vpopcntdq la57 rdpid fsrm md_clear arch_capabilities fxsr_opt cmp_legacy'
  ).split(' '),
)

interface Switch {
  readonly name: string
  readonly isOn: boolean
}

/** Undefined for one that has a value of its own, such as `tsc-frequency=1000000000`. */
function switchOf(feature: string): Switch | undefined {
  const [, sign, plain] = /^([+-])(.+)$/.exec(feature) ?? []
  if (plain !== undefined) return { name: plain, isOn: sign === '+' }
  const [, name = '', value] = /^([^=]+)=(on|off)$/.exec(feature) ?? []
  return value === undefined ? undefined : { name, isOn: value === 'on' }
}

const flagOf = (name: string) => OTHER_NAMES[name] ?? name.replaceAll(/[-.]/g, '_')
const vendorOf = (feature: string) => /^vendor=(.+)$/.exec(feature)?.[1]

/** The last word on a feature counts, as in QEMU. */
export function featureExpectations(features: readonly string[]): readonly Expectation[] {
  const vendor = features.map(vendorOf).findLast((v) => v !== undefined)
  const switches = new Map(
    features.flatMap((f) => {
      const known = switchOf(f)
      return known ? [[known.name, known.isOn] as const] : []
    }),
  )
  return [
    ...(vendor === undefined
      ? []
      : [
          {
            device: 'cpu',
            aspect: 'vendor',
            want: vendor,
            see: (view: HardwareView) => view.cpuModel?.vendor,
          },
        ]),
    ...[...switches].map(([name, isOn]) => ({
      device: 'cpu',
      aspect: `feature ${name}`,
      want: isOn ? 'on' : 'off',
      see: ({ cpuModel }: HardwareView) => {
        if (!cpuModel?.flags) return undefined
        if (cpuModel.flags.includes(flagOf(name))) return 'on'
        return LISTED.has(flagOf(name)) ? 'off' : undefined
      },
    })),
  ]
}

export function featuresNotCompared(features: readonly string[]): readonly NotCompared[] {
  return features
    .filter((f) => switchOf(f) === undefined && vendorOf(f) === undefined)
    .map((aspect) => ({ device: 'cpu', aspect, because: 'no guest reports it' }))
}
