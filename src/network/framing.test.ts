import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameReader, framed, framesIn, LONGEST_FRAME } from './framing.ts'

function reader() {
  const frames: string[] = []
  const frame = new FrameReader((bytes, start, end) =>
    frames.push(bytes.subarray(start + 4, end).toString('latin1')),
  )
  return { frames, push: (chunk: Buffer) => frame.push(chunk) }
}

describe('a stream of frames', () => {
  it('is read whatever the chunks are', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 20 })
    const cuts = fc.array(fc.nat(900), { maxLength: 30 })
    fc.assert(
      fc.property(frames, cuts, (sent, places) => {
        const stream = Buffer.concat(sent.map((frame) => framed(Buffer.from(frame))))
        const ends = [...new Set([0, ...places.map((p) => p % (stream.length + 1)), stream.length])].sort(
          (a, b) => a - b,
        )
        const { frames: got, push } = reader()
        for (const [i, end] of ends.entries())
          expect(push(stream.subarray(ends[i - 1] ?? 0, end))).toBeUndefined()
        expect(got).toEqual(sent.map((frame) => Buffer.from(frame).toString('latin1')))
      }),
    )
  })

  it('may come byte by byte, with the longest frame', () => {
    const { frames, push } = reader()
    const stream = framed(Buffer.alloc(LONGEST_FRAME, 'x'))
    for (let i = 0; i < stream.length; i++) push(stream.subarray(i, i + 1))
    expect(frames.map((f) => f.length)).toEqual([LONGEST_FRAME])
  })

  it.each([
    ['00000000', 'a frame of 0 bytes'],
    ['00011001', 'a frame of 69633 bytes, of which 69632 are allowed'],
    ['ffffffff', 'a frame of 4294967295 bytes, of which 69632 are allowed'],
  ])('is broken by the length %s, whole or in pieces', (hex, problem) => {
    const bytes = Buffer.concat([framed(Buffer.from('first')), Buffer.from(hex, 'hex')])
    const whole = reader()
    expect(whole.push(bytes)).toBe(problem)
    expect(whole.frames).toEqual(['first'])
    const pieces = reader()
    expect(pieces.push(bytes.subarray(0, 11))).toBeUndefined()
    expect(pieces.push(bytes.subarray(11))).toBe(problem)
  })
})

describe('a piece of whole frames', () => {
  it('is taken apart, each with its length', () => {
    const frames = ['a', 'bc'].map((text) => framed(Buffer.from(text)))
    expect(framesIn(Buffer.concat(frames))).toEqual(frames)
    expect(framesIn(Buffer.alloc(0))).toEqual([])
  })

  it('is refused if the last frame is cut off', () => {
    for (const rest of ['00', '00000002ff', '00000000'])
      expect(() => framesIn(Buffer.concat([framed(Buffer.from('a')), Buffer.from(rest, 'hex')]))).toThrow(
        'not whole frames',
      )
  })
})
