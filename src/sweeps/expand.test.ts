import { describe, expect, it } from 'vitest'
import { sweepSchema } from '../project/sweep-schema.ts'
import { checkMatrix, expand } from './expand.ts'
import { onlyCells } from './filter.ts'

const sweep = sweepSchema.parse({
  over: { numa: [1, 2, 4, 8], 'devices.pm0.size': ['128M', '1G'], qemu: ['7.2', '10.0'] },
  except: [{ numa: 8, qemu: '7.2' }],
})

describe('expansion', () => {
  it('makes every combination but those that are excepted', () => {
    const { cells, axes } = expand(sweep)
    expect(cells).toHaveLength(4 * 2 * 2 - 2)
    expect(axes.map(({ path }) => path)).toEqual(['numa', 'devices.pm0.size', 'qemu'])
    expect(cells[0]?.label).toBe('numa=1, devices.pm0.size=128M, qemu=7.2')
    expect(new Set(cells.map(({ key }) => key)).size).toBe(cells.length)
    expect(cells.some(({ values }) => values.numa === 8 && values.qemu === '7.2')).toBe(false)
  })

  it('gives a cell the same key whatever the order of the axes', () => {
    const [a] = expand({ over: { numa: [1], qemu: ['x'] }, except: [] }).cells
    const [b] = expand({ over: { qemu: ['x'], numa: [1] }, except: [] }).cells
    expect(a?.key).toBe(b?.key)
  })

  it('quotes texts that would be invisible', () => {
    const labels = expand({ over: { 'boot.append': ['', ' ', 'a b'] }, except: [] }).cells.map(
      ({ label }) => label,
    )
    expect(labels).toEqual(['boot.append=""', 'boot.append=" "', 'boot.append=a b'])
  })

  it('labels cells on one line', () => {
    const [cell] = expand({ over: { 'boot.append': ['a\nb\tc\u001b[31m'] }, except: [] }).cells
    expect(cell?.label).toBe('boot.append=a\\nb\\tc\\x1b[31m')
  })

  it('refuses an axis that is a part of another', () => {
    const wrong = checkMatrix({ over: { 'cpu.count': [1, 2], cpu: [2, 3], cpus: [1] }, except: [] }, [
      'sweeps',
      's',
    ])
    expect(wrong.map(({ code, what }) => [code, what])).toEqual([
      ['SWEEP_AXES_OVERLAP', '"cpu.count" is a part of "cpu"'],
    ])
  })

  it('finds values twice, unknown axes and values of `except`, and too many cells', () => {
    const wrong = checkMatrix({ over: { numa: [1, '1'], qemu: ['x'] }, except: [{ nuna: 1 }, { numa: 3 }] }, [
      'sweeps',
      's',
    ])
    expect(wrong.map(({ code, path }) => [code, path])).toEqual([
      ['SWEEP_VALUE_TWICE', 'sweeps.s.over.numa[1]'],
      ['SWEEP_EXCEPT_UNKNOWN', 'sweeps.s.except[0].nuna'],
      ['SWEEP_EXCEPT_UNKNOWN', 'sweeps.s.except[1].numa'],
    ])
    expect(wrong[1]?.remedy).toContain('did you mean "numa"?')
    const many = Array.from({ length: 300 }, (_, i) => i) as [number, ...number[]]
    expect(checkMatrix({ over: { a: many, b: many }, except: [] }, [])[0]?.code).toBe('SWEEP_TOO_LARGE')
  })
})

describe('--only', () => {
  const { axes, cells } = expand(sweep)
  const only = (text: string) => onlyCells(text, axes, cells).length

  it('compares numbers and sizes, and joins conditions', () => {
    expect(only('numa>=4')).toBe(6)
    expect(only('numa < 2')).toBe(4)
    expect(only('size>=1G')).toBe(7)
    expect(only('devices.pm0.size=1024M')).toBe(7)
    expect(only('numa=1|2,qemu!=7.2')).toBe(4)
    expect(only('qemu==10.0')).toBe(8)
  })

  it('takes a value that has commas or strokes itself for one', () => {
    const over = { append: ['a=1', 'a=1,b=2', 'x|y'], command: [['echo', 'a,b'], ['true']], numa: [1, 2] }
    const other = expand(sweepSchema.parse({ over }))
    const those = (text: string) => onlyCells(text, other.axes, other.cells).length
    expect(those('append=a=1,b=2')).toBe(4)
    expect(those('append=a=1,b=2,numa=1')).toBe(2)
    expect(those('append=a=1,numa=1')).toBe(2)
    expect(those('append=x|y')).toBe(4)
    expect(those('append=a=1|a=1,b=2')).toBe(8)
    expect(those('command=["echo","a,b"],numa=2')).toBe(3)
    expect(() => those('append=a=1,c=2')).toThrow(/"c" is no axis/)
  })

  it.each([
    ['numa', /no condition/],
    ['nuna=1', /no axis/],
    ['numa>=four', /compares numbers/],
    ['', /no condition/],
  ])('refuses %j', (text, message) => {
    expect(() => only(text)).toThrow(message)
  })
})
