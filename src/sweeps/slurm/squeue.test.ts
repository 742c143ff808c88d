import { expect, test } from 'vitest'
import { countOf, jobsNamed } from './squeue.ts'

/** As Slurm 22.05.8 prints it, without the keys that are not read. */
const slurm22 = {
  errors: [],
  jobs: [
    {
      job_id: 3,
      array_job_id: 1,
      array_task_id: 0,
      array_task_string: '',
      name: 'a',
      job_state: 'RUNNING',
      state_reason: 'None',
      restart_cnt: 0,
      exit_code: 0,
      nodes: 'n1',
    },
    {
      job_id: 5,
      array_job_id: 1,
      array_task_id: 2,
      array_task_string: '',
      name: 'a',
      job_state: 'CANCELLED',
      state_reason: 'None',
      restart_cnt: 0,
      exit_code: 768,
      nodes: 'n2',
    },
    {
      job_id: 6,
      array_job_id: 1,
      array_task_id: 3,
      array_task_string: '',
      name: 'a',
      job_state: 'PENDING',
      state_reason: 'BeginTime',
      restart_cnt: 1,
      exit_code: 0,
      nodes: '',
    },
    {
      job_id: 1,
      array_job_id: 1,
      array_task_id: null,
      array_task_string: '4-9,12',
      name: 'a',
      job_state: 'PENDING',
      state_reason: 'Resources',
      restart_cnt: 0,
      exit_code: 0,
      nodes: '',
    },
    {
      job_id: 9,
      array_job_id: 0,
      array_task_id: null,
      array_task_string: '',
      name: 'other',
      job_state: 'RUNNING',
      state_reason: 'None',
      restart_cnt: 0,
      exit_code: 0,
      nodes: 'n2',
    },
  ],
}

test('reads what Slurm 22 prints', () => {
  expect(jobsNamed(JSON.stringify(slurm22), 'a')).toEqual([
    {
      id: 3,
      array: 1,
      label: '1_0',
      count: 1,
      state: 'runs',
      word: 'RUNNING',
      reason: '',
      restarts: 0,
      exit: { code: 0, signal: 0 },
      node: 'n1',
    },
    {
      id: 5,
      array: 1,
      label: '1_2',
      count: 1,
      state: 'ended',
      word: 'CANCELLED',
      reason: '',
      restarts: 0,
      exit: { code: 3, signal: 0 },
      node: 'n2',
    },
    {
      id: 6,
      array: 1,
      label: '1_3',
      count: 1,
      state: 'waits',
      word: 'PENDING',
      reason: 'BeginTime',
      restarts: 1,
      exit: { code: 0, signal: 0 },
      node: '',
    },
    {
      id: 1,
      array: 1,
      label: '1_[4-9,12]',
      count: 7,
      state: 'waits',
      word: 'PENDING',
      reason: 'Resources',
      restarts: 0,
      exit: { code: 0, signal: 0 },
      node: '',
    },
  ])
})

test('reads the shapes of later versions', () => {
  const number = (value: number) => ({ set: true, infinite: false, number: value })
  const text = JSON.stringify({
    errors: [],
    jobs: [
      {
        job_id: 7,
        array_job_id: number(4),
        array_task_id: number(2),
        array_task_string: '',
        name: 'a',
        job_state: ['RUNNING', 'COMPLETING'],
        state_reason: 'None',
        restart_cnt: 1,
        exit_code: {
          status: ['ERROR'],
          return_code: number(99),
          signal: { id: { set: false, number: 0 }, name: '' },
        },
        nodes: 'n1',
      },
    ],
  })
  expect(jobsNamed(text, 'a')).toEqual([
    {
      id: 7,
      array: 4,
      label: '4_2',
      count: 1,
      state: 'ends',
      word: 'RUNNING',
      reason: '',
      restarts: 1,
      exit: { code: 99, signal: 0 },
      node: 'n1',
    },
  ])
})

test('does not take the empty list of an unreachable controller for an answer', () => {
  const away = { errors: [{ description: 'Failed while looking for jobs', error_number: -1 }], jobs: [] }
  expect(jobsNamed(JSON.stringify(away), 'a')).toBeUndefined()
  expect(jobsNamed('', 'a')).toBeUndefined()
  expect(jobsNamed(JSON.stringify({ errors: [], jobs: [] }), 'a')).toEqual([])
})

test.each([
  ['3', 1],
  ['0-63', 64],
  ['0-9,12,20-21%4', 13],
  ['1,3,5,...', 3],
])('counts the elements of %s', (elements, count) => expect(countOf(elements)).toBe(count))
