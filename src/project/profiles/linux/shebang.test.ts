import { expect, test } from 'vitest'
import { interpretersIn } from './shebang.ts'

test.each([
  ['#!/bin/bash\necho', ['/bin/bash']],
  ['#! /bin/sh -e\n', ['/bin/sh']],
  ['#!/usr/bin/env python3\n', ['/usr/bin/env', 'python3']],
  ['#!/usr/bin/env -S A=1 node --flag\n', ['/usr/bin/env', 'node']],
  ['#!/usr/bin/env', ['/usr/bin/env']],
  ['#!\n', []],
  ['\x7fELF', []],
  ['', []],
])('%j', (start, want) => {
  expect(interpretersIn(start)).toEqual(want)
})
